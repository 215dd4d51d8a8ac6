import CCurl
import Glibc
import Synchronization

/// Where the header of a streamed response goes.
struct ResponseHead: Sendable {
    let status: Int
    let headers: HeaderFields
}

/// An exchange that the loop is asked to start.
struct Order: Sendable {
    enum Sink: Sendable {
        case whole(CheckedContinuation<Result<OutboundResponse, TransportError>, Never>)
        case stream(StreamBuffer, CheckedContinuation<Result<ResponseHead, TransportError>, Never>)

        /// Tells whoever waits that the exchange failed before its header.
        func fail(_ error: TransportError) {
            switch self {
            case .whole(let continuation): continuation.resume(returning: .failure(error))
            case .stream(let buffer, let continuation):
                buffer.finish(error)
                continuation.resume(returning: .failure(error))
            }
        }
    }

    let id: UInt64
    let request: OutboundRequest
    /// When the caller asked, from which the deadline counts.
    let posted: UInt64
    let sink: Sink
}

/// What other threads tell the loop's thread.
enum Command: Sendable {
    case start(Order)
    case cancel(UInt64)
    /// The reader of this stream has room again.
    case resume(UInt64)
    case stop(drain: Duration, done: CheckedContinuation<Void, Never>?)
}

/// The only thing that other threads and the loop's thread share.
final class Mailbox: Sendable {
    private struct State {
        enum Phase { case idle, running, closed }
        var phase = Phase.idle
        var commands: [Command] = []
        /// The loop's eventfd while it runs.
        var wake: Int32 = -1
    }

    let policy: EgressPolicy
    let configuration: CurlTransport.Configuration
    private let state = Mutex(State())
    private let lastID = Atomic<UInt64>(0)

    init(policy: EgressPolicy, configuration: CurlTransport.Configuration) {
        self.policy = policy
        self.configuration = configuration
    }

    func nextID() -> UInt64 { lastID.wrappingAdd(1, ordering: .relaxed).newValue }

    /// Posts an order, starting the loop's thread if it is the first; answers it with `closed` after a shutdown.
    func start(_ order: Order) {
        let accepted = state.withLock { state in
            if state.phase == .idle { startLoop(&state) }
            guard state.phase == .running else { return false }
            enqueue(.start(order), &state)
            return true
        }
        if !accepted { order.sink.fail(.closed) }
    }

    /// Posts anything else; a stop is answered at once if no loop runs.
    func post(_ command: Command) {
        let waiting: CheckedContinuation<Void, Never>? = state.withLock { state in
            if state.phase == .running {
                enqueue(command, &state)
                return nil
            }
            guard case .stop(_, let done) = command else { return nil }
            state.phase = .closed
            return done
        }
        waiting?.resume()
    }

    /// Everything posted since the last call.
    func take() -> [Command] {
        state.withLock { state in
            var taken: [Command] = []
            swap(&taken, &state.commands)
            return taken
        }
    }

    /// Says that the loop ends; answers the commands that came too late for it.
    func close() -> [Command] {
        state.withLock { state in
            state.phase = .closed
            var taken: [Command] = []
            swap(&taken, &state.commands)
            if state.wake >= 0 { Glibc.close(state.wake) }
            state.wake = -1
            return taken
        }
    }

    private func enqueue(_ command: Command, _ state: inout State) {
        state.commands.append(command)
        // One wake-up is enough for all that is taken together.
        guard state.commands.count == 1 else { return }
        var one: UInt64 = 1
        _ = Glibc.write(state.wake, &one, 8)
    }

    private func startLoop(_ state: inout State) {
        let wake = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
        guard wake >= 0 else { return }
        guard EventLoop.start(mailbox: self, wake: wake) else {
            Glibc.close(wake)
            return
        }
        state.wake = wake
        state.phase = .running
    }
}
