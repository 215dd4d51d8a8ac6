import HTTPClient
import Synchronization
import TestSupport
import Testing

@Suite struct StreamTests {
    let transport = CurlTransport(configuration: .init(streamBufferBytes: 64 * 1024))

    @Test("hands out the header first and pieces as they arrive, and lets go early")
    func events() async throws {
        let read = Gate()
        let closed = Signal()
        let server = try TestServer { _, writer in
            writer.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
            writer.send("9\r\ndata: 1\n\n\r\n")
            // The second event is written only after the first was read.
            read.wait()
            writer.send("9\r\ndata: 2\n\n\r\n")
            if writer.isClosed() { closed.fire() }
            return .close
        }
        defer { server.stop() }
        let response = try await transport.stream(request(server.url()))
        #expect(response.status == 200)
        #expect(response.headers["content-type"] == "text/event-stream")
        var seen: [UInt8] = []
        for try await piece in response.body {
            seen += piece
            if seen == Array("data: 1\n\n".utf8) { read.open() }
            if seen.count >= 18 { break }
        }
        #expect(seen == Array("data: 1\n\ndata: 2\n\n".utf8))
        response.body.close()
        try await within(.seconds(60)) { try await closed.wait() }
    }

    @Test("letting go of the body closes the connection")
    func lettingGo() async throws {
        let closed = Signal()
        let server = try TestServer { _, writer in
            writer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            if writer.isClosed() { closed.fire() }
            return .close
        }
        defer { server.stop() }
        let status = try await transport.stream(request(server.url())).status
        #expect(status == 200)
        try await within(.seconds(60)) { try await closed.wait() }
    }

    @Test("holds the server back while nobody reads, and loses nothing")
    func backPressure() async throws {
        let total = 64 << 20
        let held = Signal()
        let sent = Mutex(0)
        let server = try TestServer { _, writer in
            writer.send("HTTP/1.1 200 OK\r\nContent-Length: \(total)\r\n\r\n")
            let chunk = [UInt8](repeating: 7, count: 64 << 10)
            for _ in 0..<(total / chunk.count) {
                if !writer.isWritable(within: 500) { held.fire() }
                guard writer.send(chunk) else { return .close }
                sent.withLock { $0 += chunk.count }
            }
            return .keep
        }
        defer { server.stop() }
        let response = try await transport.stream(request(server.url(), maximumBodyBytes: total))
        try await within(.seconds(60)) { try await held.wait() }
        #expect(sent.withLock { $0 } < total / 2)
        var count = 0
        for try await piece in response.body { count += piece.count }
        #expect(count == total)
    }

    @Test("ends a body with the error that ended the exchange")
    func errors() async throws {
        let server = try TestServer { request, writer in
            switch request.target {
            case "/short": writer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
            case "/big": writer.answer(200, [UInt8](repeating: 0, count: 100_000))
            default:
                writer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
                _ = writer.isClosed()
            }
            return .close
        }
        defer { server.stop() }
        let deadline = Duration.milliseconds(400)
        let expected: [(String, TransportError)] = [
            ("/short", .receive), ("/big", .bodyTooLarge), ("/slow", .timedOut(after: deadline)),
        ]
        for (path, error) in expected {
            var asked = request(server.url(path), maximumBodyBytes: 1000)
            if path == "/slow" { asked.deadline = deadline }
            let response = try await transport.stream(asked)
            await #expect(throws: error) { for try await _ in response.body {} }
        }
        let cut = try await transport.stream(
            request(server.url("/big"), maximumBodyBytes: 1000, bodyOverflow: .truncate))
        var count = 0
        for try await piece in cut.body { count += piece.count }
        #expect(count == 1000)
        await #expect(throws: TransportError.invalidURL("not a URL")) { try await transport.stream(request("http://")) }
    }

    @Test("cancelling the reader ends the exchange")
    func cancellation() async throws {
        let closed = Signal()
        let server = try TestServer { _, writer in
            writer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
            if writer.isClosed() { closed.fire() }
            return .close
        }
        defer { server.stop() }
        let response = try await transport.stream(request(server.url()))
        let first = Signal()
        let task = Task { () -> TransportError? in
            do throws(TransportError) {
                var pieces = response.body.makeAsyncIterator()
                while try await pieces.next() != nil { first.fire() }
                return nil
            } catch {
                return error
            }
        }
        try await within(.seconds(60)) { try await first.wait() }
        task.cancel()
        #expect(await task.value == .cancelled)
        try await within(.seconds(60)) { try await closed.wait() }
    }

    @Test("a transport that does not stream hands its body out as one piece")
    func scripted() async throws {
        struct Script: Transport {
            func send(_ request: OutboundRequest) async throws(TransportError) -> OutboundResponse {
                OutboundResponse(status: 200, headers: ["A": "b"], body: request.body)
            }
        }
        let response = try await Script().stream(request("http://script/", body: "all"))
        var pieces: [[UInt8]] = []
        for try await piece in response.body { pieces.append(piece) }
        #expect(pieces == [Array("all".utf8)])
        #expect(response.headers["a"] == "b")
    }
}
