import HTTPClient
import TestSupport
import Testing

@Suite struct LifecycleTests {
    @Test("cancelling the task ends the exchange, and the server sees it")
    func cancellation() async throws {
        let transport = CurlTransport()
        let arrived = Signal()
        let closed = Signal()
        let server = try TestServer { _, writer in
            arrived.fire()
            if writer.isClosed() { closed.fire() }
            return .close
        }
        defer { server.stop() }
        let url = server.url()
        let task = Task { await failure(transport, request(url)) }
        try await within(.seconds(60)) { try await arrived.wait() }
        task.cancel()
        #expect(await task.value == .cancelled)
        try await within(.seconds(60)) { try await closed.wait() }
    }

    @Test("a task that was cancelled before sends nothing")
    func cancelledBefore() async throws {
        let transport = CurlTransport()
        let server = try TestServer { _, writer in
            writer.answer()
            return .keep
        }
        defer { server.stop() }
        let url = server.url()
        let go = Signal()
        let task = Task {
            try? await go.wait()
            return await failure(transport, request(url))
        }
        task.cancel()
        go.fire()
        #expect(await task.value == .cancelled)
    }

    @Test("shutting down waits for what is under way and takes nothing more")
    func shutdown() async throws {
        let transport = CurlTransport()
        let arrived = Signal()
        let gate = Gate()
        let server = try TestServer { request, writer in
            if request.target == "/late" {
                arrived.fire()
                gate.wait()
            }
            writer.answer(200, "late")
            return .keep
        }
        defer { server.stop() }
        let url = server.url()
        let task = Task { try await transport.send(request(url + "late")).body }
        try await within(.seconds(60)) { try await arrived.wait() }
        async let down: Void = transport.shutdown()
        // The order to stop is obeyed before any later request.
        while await failure(transport, request(url)) != .closed {}
        gate.open()
        await down
        #expect(try await task.value == Array("late".utf8))
        #expect(await failure(transport, request(url)) == .closed)
        await transport.shutdown()
    }

    @Test("shutting down ends what is still under way after the drain")
    func drain() async throws {
        let transport = CurlTransport(configuration: .init(drain: .milliseconds(100)))
        let arrived = Signal()
        let server = try TestServer { _, writer in
            arrived.fire()
            _ = writer.isClosed()
            return .close
        }
        defer { server.stop() }
        let url = server.url()
        let task = Task { await failure(transport, request(url)) }
        try await within(.seconds(60)) { try await arrived.wait() }
        await transport.shutdown()
        #expect(await task.value == .closed)
    }

    @Test("a transport that never sent anything shuts down")
    func unused() async {
        let transport = CurlTransport()
        await transport.shutdown()
        #expect(await failure(transport, request("http://127.0.0.1:1/")) == .closed)
    }

    @Test("lookups beyond the limit wait for their turn, and their deadline runs meanwhile")
    func lookups() async throws {
        let transport = CurlTransport(
            policy: EgressPolicy(allowing: ["127.0.0.0/8", "::1"].compactMap { CIDR($0) }),
            configuration: .init(maximumLookups: 2))
        let server = try TestServer { request, writer in
            writer.answer(200, request.text)
            return .keep
        }
        defer { server.stop() }
        let port = server.port
        try await withThrowingTaskGroup(of: Int.self) { group in
            for index in 0..<40 {
                group.addTask {
                    // Guarded, so that the limit holds, and a name each, so that none is known.
                    var asked = request("http://n\(index).localhost:\(port)/", body: "\(index)")
                    asked.guarded = true
                    return try await transport.send(asked).status
                }
            }
            for try await status in group { #expect(status == 200) }
        }
        var late = request("http://localhost:\(port)/")
        late.deadline = .zero
        #expect(await failure(transport, late) == .timedOut(after: .zero))
    }
}
