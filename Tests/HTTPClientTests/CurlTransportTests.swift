import Foundation
import HTTPClient
import TestSupport
import Testing

/// A request that the guard has no say in, with limits short enough for a test.
func request(
    _ url: String, method: String = "POST", headers: HeaderFields = [:], body: String = "",
    deadline: Duration = .seconds(60), maximumBodyBytes: Int = 64 * 1024,
    bodyOverflow: OutboundRequest.BodyOverflow = .fail, acceptsCompression: Bool = false
) -> OutboundRequest {
    OutboundRequest(
        method: method, url: url, headers: headers, body: Array(body.utf8), deadline: deadline,
        connectDeadline: .seconds(30), maximumBodyBytes: maximumBodyBytes, bodyOverflow: bodyOverflow, guarded: false,
        acceptsCompression: acceptsCompression)
}

/// The error that `send` throws, nil if it throws none.
func failure(_ transport: CurlTransport, _ request: OutboundRequest) async -> TransportError? {
    do throws(TransportError) {
        _ = try await transport.send(request)
        return nil
    } catch {
        return error
    }
}

@Suite struct CurlTransportTests {
    let transport = CurlTransport()

    @Test("sends method, fields and body as they are, and nothing made up besides")
    func sendsWhatItIsGiven() async throws {
        let server = try TestServer { _, writer in
            writer.answer(201, "made", headers: [("X-Two", "a"), ("x-two", "b"), ("X-Empty", "")])
            return .keep
        }
        defer { server.stop() }
        let body = String(repeating: "0123456789", count: 5000)
        let response = try await transport.send(
            request(
                server.url("/p/../q?r=1"), headers: ["Content-Type": "text/plain", "X-Own": "1", "X-None": ""],
                body: body))
        #expect(response.status == 201)
        #expect(response.body == Array("made".utf8))
        #expect(response.headers["X-TWO"] == "a")
        #expect(response.headers.values(of: "x-two") == ["a", "b"])
        #expect(response.headers["x-empty"] == "")
        #expect(response.httpVersion == "1.1")
        #expect(response.peer == "127.0.0.1:\(server.port)")
        #expect(!response.isBodyTruncated)
        #expect(response.timing.total >= response.timing.firstByte)
        let got = try #require(server.requests.first)
        #expect(got.method == "POST")
        #expect(got.target == "/p/../q?r=1")
        #expect(got.text == body)
        #expect(
            Set(got.headers.keys)
                == ["host", "accept", "user-agent", "content-type", "content-length", "x-own", "x-none"])
        #expect(got.headers["x-none"] == "")
        #expect(got.headers["user-agent"] == "Tocsin")
    }

    @Test(
        "writes each method as HTTP does",
        arguments: [
            ("GET", "", nil), ("GET", "body", "4"), ("HEAD", "", nil), ("DELETE", "", nil), ("PUT", "body", "4"),
            ("POST", "", "0"), ("PATCH", "body", "4"), ("OPTIONS", "", nil),
        ] as [(String, String, String?)])
    func methods(method: String, body: String, length: String?) async throws {
        let server = try TestServer { request, writer in
            if request.method == "HEAD" {
                writer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n")
            } else {
                writer.answer(200, "answer")
            }
            return .keep
        }
        defer { server.stop() }
        // The handle carries another kind of request before, so nothing of that may be left.
        _ = try await transport.send(request(server.url(), method: "PUT", body: "before"))
        let response = try await transport.send(request(server.url(), method: method, body: body))
        #expect(response.body == (method == "HEAD" ? [] : Array("answer".utf8)))
        let got = try #require(server.requests.last)
        #expect(got.method == method)
        #expect(got.headers["content-length"] == length)
        #expect(got.text == body)
        #expect(server.connections == 1)
    }

    @Test("uses one connection for requests that follow one another")
    func reuse() async throws {
        let server = try TestServer { request, writer in
            writer.answer(200, request.text)
            return .keep
        }
        defer { server.stop() }
        var reused: [Bool] = []
        for index in 0..<20 {
            let response = try await transport.send(request(server.url(), body: "\(index)"))
            #expect(response.body == Array("\(index)".utf8))
            reused.append(response.isReused)
        }
        #expect(reused == [false] + [Bool](repeating: true, count: 19))
        #expect(server.connections == 1)
    }

    @Test("answers each of many requests at once with its own answer")
    func concurrency() async throws {
        let server = try TestServer { request, writer in
            writer.answer(200, request.text)
            return .keep
        }
        defer { server.stop() }
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for index in 0..<300 {
                group.addTask {
                    let response = try await transport.send(request(server.url(), body: "body \(index)"))
                    return response.body == Array("body \(index)".utf8)
                }
            }
            for try await isOwn in group { #expect(isOwn) }
        }
    }

    @Test("hands a redirect out and does not follow it", arguments: [301, 302, 303, 307, 308])
    func redirects(status: Int) async throws {
        let elsewhere = try TestServer { _, writer in
            writer.answer()
            return .keep
        }
        defer { elsewhere.stop() }
        let server = try TestServer { _, writer in
            writer.answer(status, [], headers: [("Location", elsewhere.url())])
            return .keep
        }
        defer { server.stop() }
        let response = try await transport.send(request(server.url()))
        #expect(response.status == status)
        #expect(response.headers["location"] == elsewhere.url())
        #expect(elsewhere.connections == 0)
    }

    @Test("drops interim answers and trailers")
    func interimAndTrailers() async throws {
        let server = try TestServer { _, writer in
            writer.send("HTTP/1.1 100 Continue\r\nX-Interim: 1\r\n\r\nHTTP/1.1 103 Early\r\nX-Interim: 2\r\n\r\n")
            writer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-Final: 1\r\n\r\n")
            writer.send("3\r\nabc\r\n0\r\nX-Trailer: 1\r\n\r\n")
            return .keep
        }
        defer { server.stop() }
        let response = try await transport.send(request(server.url()))
        #expect(response.status == 200)
        #expect(response.headers["x-final"] == "1")
        #expect(response.headers["x-interim"] == nil)
        #expect(response.headers["x-trailer"] == nil)
        #expect(response.body == Array("abc".utf8))
    }

    @Test("refuses what cannot be written as one header")
    func refusesBrokenHeaders() async {
        let url = "http://127.0.0.1:1/"
        let broken: [OutboundRequest] = [
            request(url, method: "POST / HTTP/1.1\r\nX: y"), request(url, method: ""),
            request(url, headers: ["X": "a\r\nY: b"]), request(url, headers: ["X": "a\nb"]),
            request(url, headers: ["X": "a\0b"]), request(url, headers: ["X Y": "a"]),
            request(url, headers: ["X:": "a"]), request(url, headers: ["": "a"]),
            request(url, headers: ["Content-Length": "5"]), request(url, headers: ["transfer-encoding": "chunked"]),
        ]
        for request in broken { #expect(await failure(transport, request) == .protocolViolation) }
    }

    @Test("names what went wrong")
    func names() async throws {
        #expect(await failure(transport, request("http://name.invalid/")) == .dns)
        let server = try TestServer { _, _ in .close }
        server.stop()
        #expect(await failure(transport, request(server.url())) == .connect)
        #expect(
            await failure(transport, request("http://user@127.0.0.1/"))
                == .invalidURL("user information is not allowed"))
        #expect(await failure(transport, request("ftp://127.0.0.1/")) == .invalidURL("the scheme must be https"))
        #expect(await failure(transport, request("http://")) == .invalidURL("not a URL"))
        #expect(await failure(transport, request("http://a\0b/")) == .invalidURL("a NUL is not allowed"))
    }
}
