import CCurl
import Glibc

/// The thread that drives libcurl: epoll, one timer, and the mailbox.
///
/// Everything here is confined to that thread. Functions of the multi handle are never called inside its callbacks.
final class EventLoop {
    private let mailbox: Mailbox
    private let wake: Int32
    private let epoll: Int32
    private let multi: UnsafeMutableRawPointer
    /// When libcurl wants to be called, in monotonic nanoseconds; nil for never.
    private var timer: UInt64?
    private var slots: [UInt64: Slot] = [:]
    private var idleSlots: [Slot] = []
    private let lookups: Lookups
    /// Orders that wait because too many lookups are under way, oldest first.
    private var waiting: [Order] = []
    private var firstAnswers = FirstAnswers()
    private var stop: (deadline: UInt64, done: [CheckedContinuation<Void, Never>])?

    /// Starts the thread; false if the system gives none.
    static func start(mailbox: Mailbox, wake: Int32) -> Bool {
        guard Self.isCurlReady else { return false }
        let epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
        guard epoll >= 0 else { return false }
        var event = epoll_event(events: EPOLLIN.rawValue, data: epoll_data_t(fd: wake))
        guard let multi = curl_multi_init(), epoll_ctl(epoll, EPOLL_CTL_ADD, wake, &event) == 0 else {
            close(epoll)
            return false
        }
        let start = Start(mailbox: mailbox, wake: wake, epoll: epoll, multi: multi)
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        var thread = pthread_t()
        let argument = Unmanaged.passRetained(start)
        let code = pthread_create(
            &thread, &attributes,
            { raw in
                guard let raw else { return nil }
                let start = Unmanaged<Start>.fromOpaque(raw).takeRetainedValue()
                ccurl_name_thread("tocsin-http")
                EventLoop(start).run()
                return nil
            }, argument.toOpaque())
        guard code == 0 else {
            argument.release()
            curl_multi_cleanup(multi)
            close(epoll)
            return false
        }
        return true
    }

    /// libcurl's global set-up, once in the process.
    private static let isCurlReady = curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK

    private final class Start {
        let mailbox: Mailbox
        let wake: Int32
        let epoll: Int32
        let multi: UnsafeMutableRawPointer

        init(mailbox: Mailbox, wake: Int32, epoll: Int32, multi: UnsafeMutableRawPointer) {
            self.mailbox = mailbox
            self.wake = wake
            self.epoll = epoll
            self.multi = multi
        }
    }

    private init(_ start: Start) {
        mailbox = start.mailbox
        wake = start.wake
        epoll = start.epoll
        multi = start.multi
        lookups = Lookups(limit: start.mailbox.configuration.maximumLookups)
    }

    private func run() {
        configure()
        var events = [epoll_event](repeating: epoll_event(), count: 256)
        while true {
            let count = epoll_wait(epoll, &events, Int32(events.count), timeout())
            for event in events.prefix(Int(max(0, count))) { handle(event) }
            if let due = timer, due <= Monotonic.now {
                timer = nil
                act(CURL_SOCKET_TIMEOUT, 0)
            }
            for command in mailbox.take() { obey(command) }
            collect()
            startWaiting()
            if let stop, slots.isEmpty && waiting.isEmpty || stop.deadline <= Monotonic.now { break }
        }
        finish()
    }

    // MARK: The loop's parts

    private func configure() {
        let user = Unmanaged.passUnretained(self).toOpaque()
        ccurl_multi_set_callbacks(multi, user, Self.onSocket, Self.onTimer)
        ccurl_multi_set_long(multi, CURLMOPT_MAXCONNECTS, mailbox.configuration.maximumIdleConnections)
        // Unlimited, since callers bound their own concurrency: a transfer queued here would time out unsent.
        ccurl_multi_set_long(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, 0)
        ccurl_multi_set_long(multi, CURLMOPT_PIPELINING, Int(CURLPIPE_MULTIPLEX))
    }

    /// How long to sleep, in milliseconds; -1 for until something happens.
    private func timeout() -> Int32 {
        var due = timer
        if let stop { due = min(due ?? .max, stop.deadline) }
        // An order waiting for its turn has a deadline, too; looking 20 times a second is exact enough for it.
        if !waiting.isEmpty { due = min(due ?? .max, Monotonic.now + 50_000_000) }
        guard let due else { return -1 }
        let now = Monotonic.now
        return due <= now ? 0 : Int32(min((due - now + 999_999) / 1_000_000, 60_000))
    }

    private func handle(_ event: epoll_event) {
        if event.data.fd == wake {
            var count: UInt64 = 0
            _ = read(wake, &count, 8)
            return
        }
        var mask: Int32 = 0
        if event.events & EPOLLIN.rawValue != 0 { mask |= CURL_CSELECT_IN }
        if event.events & EPOLLOUT.rawValue != 0 { mask |= CURL_CSELECT_OUT }
        if event.events & (EPOLLERR.rawValue | EPOLLHUP.rawValue) != 0 { mask |= CURL_CSELECT_ERR }
        act(event.data.fd, mask)
    }

    private func act(_ socket: curl_socket_t, _ mask: Int32) {
        var running: Int32 = 0
        let code = curl_multi_socket_action(multi, socket, mask, &running)
        // Out of memory or a broken invariant inside libcurl: no exchange can be trusted any more.
        if code != CURLM_OK && code != CURLM_BAD_SOCKET { failAll(.receive) }
    }

    private func obey(_ command: Command) {
        switch command {
        case .start(let order):
            if stop != nil { return order.sink.fail(.closed) }
            if !start(order) { waiting.append(order) }
        case .cancel(let id):
            if let slot = slots[id] {
                end(slot, .failure(.cancelled))
            } else if let index = waiting.firstIndex(where: { $0.id == id }) {
                waiting.remove(at: index).sink.fail(.cancelled)
            }
        case .resume(let id):
            if let slot = slots[id] { slot.unpause() }
        case .stop(let drain, let done):
            let deadline = Monotonic.now + UInt64(drain.clampedMilliseconds) * 1_000_000
            stop = (min(stop?.deadline ?? .max, deadline), (stop?.done ?? []) + [done].compactMap(\.self))
        }
    }

    /// Starts what waits, oldest first, as long as there is room for another lookup.
    private func startWaiting() {
        guard !waiting.isEmpty else { return }
        let now = Monotonic.now
        var kept: [Order] = []
        for order in waiting {
            if order.remaining(at: now) <= .zero || !lookups.isFull, start(order) { continue }
            kept.append(order)
        }
        waiting = kept
    }

    /// Hands one order to libcurl, or answers it if that fails; false if it has to wait for its lookup.
    private func start(_ order: Order) -> Bool {
        let left = order.remaining(at: Monotonic.now)
        guard left > .zero else {
            order.sink.fail(.timedOut(after: order.request.deadline))
            return true
        }
        guard let slot = idleSlots.popLast() ?? Slot(configuration: mailbox.configuration, lookups: lookups) else {
            order.sink.fail(.connect)
            return true
        }
        // The operator's own addresses are few, and must not wait for what users typed.
        let mayLookUp = !lookups.isFull || !order.request.guarded
        do throws(TransportError) {
            try slot.prepare(order, left: left, policy: mailbox.policy)
        } catch {
            recycle(slot)
            order.sink.fail(error)
            return true
        }
        if slot.isLookingUp, !mayLookUp {
            recycle(slot)
            return false
        }
        guard curl_multi_add_handle(multi, slot.easy) == CURLM_OK else {
            recycle(slot)
            order.sink.fail(.connect)
            return true
        }
        slots[order.id] = slot
        return true
    }

    private func recycle(_ slot: Slot) {
        slot.clear()
        if idleSlots.count < 256 { idleSlots.append(slot) }
    }

    private func collect() {
        var code = CURLE_OK
        while let easy = ccurl_multi_next_done(multi, &code) {
            guard let raw = ccurl_get_user(easy) else { continue }
            let slot = Unmanaged<Slot>.fromOpaque(raw).takeUnretainedValue()
            end(slot, slot.result(code))
        }
    }

    /// Takes the slot's exchange away from libcurl and answers whoever waits for it.
    private func end(_ slot: Slot, _ result: Result<OutboundResponse, TransportError>) {
        let hasOpened = slot.hasOpened
        curl_multi_remove_handle(multi, slot.easy)
        guard let order = slot.order else { return }
        slots[order.id] = nil
        switch result {
        case .success(var response):
            // What another exchange opened may answer this one first.
            let isNew = slots.values.contains { $0.host == slot.host && $0.hasOpened }
            response.isReused = firstAnswers.isReused(slot.host, asCurlSays: response.isReused && !isNew)
            slot.answer(.success(response))
        case .failure:
            if hasOpened { firstAnswers.opened(slot.host) }
            slot.answer(result)
        }
        recycle(slot)
    }

    private func failAll(_ error: TransportError) {
        for slot in Array(slots.values) { end(slot, .failure(error)) }
    }

    private func finish() {
        let late = mailbox.close()
        failAll(.closed)
        for order in waiting { order.sink.fail(.closed) }
        idleSlots = []
        curl_multi_cleanup(multi)
        close(epoll)
        for done in stop?.done ?? [] { done.resume() }
        for command in late {
            switch command {
            case .start(let order): order.sink.fail(.closed)
            case .stop(_, let done): done?.resume()
            case .cancel, .resume: break
            }
        }
    }

    // MARK: Callbacks of the multi handle

    private static let onSocket: ccurl_socket_callback = { _, socket, what, user, assigned in
        guard let user else { return 0 }
        let loop = Unmanaged<EventLoop>.fromOpaque(user).takeUnretainedValue()
        if what == CURL_POLL_REMOVE {
            epoll_ctl(loop.epoll, EPOLL_CTL_DEL, socket, nil)
            return 0
        }
        var wanted: UInt32 = 0
        if what & CURL_POLL_IN != 0 { wanted |= EPOLLIN.rawValue }
        if what & CURL_POLL_OUT != 0 { wanted |= EPOLLOUT.rawValue }
        var event = epoll_event(events: wanted, data: epoll_data_t(fd: socket))
        // Whatever is assigned only says that epoll knows the socket already.
        if assigned == nil {
            curl_multi_assign(loop.multi, socket, user)
            if epoll_ctl(loop.epoll, EPOLL_CTL_ADD, socket, &event) == 0 { return 0 }
        }
        epoll_ctl(loop.epoll, EPOLL_CTL_MOD, socket, &event)
        return 0
    }

    private static let onTimer: ccurl_timer_callback = { _, milliseconds, user in
        guard let user else { return 0 }
        let loop = Unmanaged<EventLoop>.fromOpaque(user).takeUnretainedValue()
        loop.timer = milliseconds < 0 ? nil : Monotonic.now + UInt64(milliseconds) * 1_000_000
        return 0
    }
}

extension Order {
    /// What is left of the deadline at `now`, rounded down to nanoseconds.
    func remaining(at now: UInt64) -> Duration {
        request.deadline - .nanoseconds(Int64(clamping: now >= posted ? now - posted : 0))
    }
}
