import Foundation
import Synchronization

/// A tiny HTTP/1.1 server on a loopback port, for tests; it answers as scripted, misbehaviour included.
///
/// Each connection has a thread. A handler gets each request and writes whatever it likes.
public final class TestServer: Sendable {
    /// A request as it arrived.
    public struct Request: Sendable {
        /// The method, `POST`.
        public let method: String
        /// Path and query.
        public let target: String
        /// Names in lower case; of several fields of one name the last.
        public let headers: [String: String]
        /// As long as `Content-Length` said.
        public let body: [UInt8]
        /// Counts connections from 1.
        public let connection: Int

        /// The body as text.
        public var text: String { String(decoding: body, as: UTF8.self) }
    }

    /// What a handler writes its answer with.
    public struct Writer: Sendable {
        fileprivate let socket: Int32

        /// Sends `bytes`; false when the other side has gone.
        @discardableResult
        public func send(_ bytes: [UInt8]) -> Bool {
            var rest = bytes[...]
            while !rest.isEmpty {
                let sent = rest.withUnsafeBytes { Glibc.send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
                guard sent > 0 else { return false }
                rest = rest.dropFirst(sent)
            }
            return true
        }

        /// Sends `text`; false when the other side has gone.
        @discardableResult
        public func send(_ text: String) -> Bool { send(Array(text.utf8)) }

        /// Sends a whole answer with its length.
        @discardableResult
        public func answer(
            _ status: Int = 200, _ body: [UInt8] = [], headers: [(String, String)] = []
        ) -> Bool {
            var head = "HTTP/1.1 \(status) Scripted\r\nContent-Length: \(body.count)\r\n"
            for (name, value) in headers { head += "\(name): \(value)\r\n" }
            return send(Array((head + "\r\n").utf8) + body)
        }

        /// Sends a whole answer with its length.
        @discardableResult
        public func answer(_ status: Int = 200, _ body: String, headers: [(String, String)] = []) -> Bool {
            answer(status, Array(body.utf8), headers: headers)
        }

        /// Whether the other side closes the connection within `milliseconds`.
        public func isClosed(within milliseconds: Int32 = 30_000) -> Bool {
            var entry = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
            guard poll(&entry, 1, milliseconds) > 0 else { return false }
            var byte: UInt8 = 0
            return recv(socket, &byte, 1, Int32(MSG_PEEK)) <= 0
        }

        /// Whether the other side takes more bytes within `milliseconds`.
        public func isWritable(within milliseconds: Int32) -> Bool {
            var entry = pollfd(fd: socket, events: Int16(POLLOUT), revents: 0)
            return poll(&entry, 1, milliseconds) > 0
        }
    }

    /// What happens after an answer.
    public enum Next: Sendable {
        /// The connection waits for another request.
        case keep
        /// The connection is closed in order.
        case close
        /// The connection is reset.
        case reset
    }

    /// Answers one request.
    public typealias Handler = @Sendable (Request, Writer) -> Next

    private struct State {
        var connections = 0
        var requests: [Request] = []
        var open: Set<Int32> = []
        var isClosed = false
    }

    /// Where it listens, on 127.0.0.1.
    public let port: UInt16
    private let listener: Int32
    private let handler: Handler
    private let state = Mutex(State())

    /// A server that answers with `handler`.
    public init(_ handler: @escaping Handler) throws {
        self.handler = handler
        listener = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr = in_addr(s_addr: UInt32(0x7f00_0001).bigEndian)
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let descriptor = listener
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, size) == 0 && listen(descriptor, 1024) == 0
                    && getsockname(descriptor, $0, &size) == 0
            }
        }
        guard isBound else { throw CocoaError(.fileReadUnknown) }
        port = UInt16(bigEndian: address.sin_port)
        Thread.detachNewThread { [listener, self] in self.accept(on: listener) }
    }

    /// `http://127.0.0.1:port` and `path`.
    public func url(_ path: String = "/") -> String { "http://127.0.0.1:\(port)\(path)" }

    /// How many connections were opened so far.
    public var connections: Int { state.withLock { $0.connections } }

    /// The requests so far, in the order of their arrival.
    public var requests: [Request] { state.withLock { $0.requests } }

    /// Stops listening and breaks every connection.
    public func stop() {
        let open = state.withLock { state in
            state.isClosed = true
            return state.open
        }
        shutdown(listener, Int32(SHUT_RDWR))
        for socket in open { shutdown(socket, Int32(SHUT_RDWR)) }
    }

    private func accept(on listener: Int32) {
        while true {
            let socket = Glibc.accept(listener, nil, nil)
            guard socket >= 0 else {
                if state.withLock({ $0.isClosed }) || errno != EINTR { break }
                continue
            }
            let number = state.withLock { state in
                state.connections += 1
                state.open.insert(socket)
                return state.connections
            }
            Thread.detachNewThread { [self] in
                serve(socket, number)
                _ = state.withLock { $0.open.remove(socket) }
                close(socket)
            }
        }
        close(listener)
    }

    private func serve(_ socket: Int32, _ connection: Int) {
        var one: Int32 = 1
        setsockopt(socket, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
        var buffered: [UInt8] = []
        while let request = Self.read(socket, &buffered, connection) {
            state.withLock { $0.requests.append(request) }
            switch handler(request, Writer(socket: socket)) {
            case .keep: continue
            case .close:
                shutdown(socket, Int32(SHUT_RDWR))
                return
            case .reset:
                var linger = linger(l_onoff: 1, l_linger: 0)
                setsockopt(socket, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout.size(ofValue: linger)))
                return
            }
        }
    }

    private static func read(_ socket: Int32, _ buffered: inout [UInt8], _ connection: Int) -> Request? {
        let end = Array("\r\n\r\n".utf8)
        var headEnd = buffered.firstRange(of: end)
        while headEnd == nil {
            guard fill(socket, &buffered) else { return nil }
            headEnd = buffered.firstRange(of: end)
        }
        guard let headEnd else { return nil }
        let lines = String(decoding: buffered[..<headEnd.lowerBound], as: UTF8.self).components(separatedBy: "\r\n")
        let parts = lines[0].split(separator: " ")
        guard parts.count == 3 else { return nil }
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: ":") else { continue }
            headers[line[..<colon].lowercased()] = line[line.index(after: colon)...].trimmingCharacters(
                in: .whitespaces)
        }
        let length = headers["content-length"].flatMap { Int($0) } ?? 0
        while buffered.count < headEnd.upperBound + length {
            guard fill(socket, &buffered) else { return nil }
        }
        let body = Array(buffered[headEnd.upperBound..<headEnd.upperBound + length])
        buffered.removeFirst(headEnd.upperBound + length)
        return Request(
            method: String(parts[0]), target: String(parts[1]), headers: headers, body: body, connection: connection)
    }

    private static func fill(_ socket: Int32, _ buffered: inout [UInt8]) -> Bool {
        var chunk = [UInt8](repeating: 0, count: 65536)
        let count = recv(socket, &chunk, chunk.count, 0)
        guard count > 0 else { return false }
        buffered += chunk.prefix(count)
        return true
    }
}
