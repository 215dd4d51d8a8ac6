import EthereumRPC
import HTTPClient
import Synchronization
import TestSupport

/// WebSockets as a test scripts them: each opening runs the script, which may speak until it returns or throws.
final class ScriptedSockets: SocketTransport {
    /// What one opening is answered with.
    typealias Script = @Sendable (_ opening: Int, _ speak: Speaker) async throws -> Void
    typealias Speaker = @Sendable (String) async throws -> Void

    private let script: Script
    private let requests = Mutex<[SocketRequest]>([])
    let opened = Signal()

    init(_ script: @escaping Script) { self.script = script }

    var asked: [SocketRequest] { requests.withLock { $0 } }

    func listen(_ request: SocketRequest, _ receive: @escaping @Sendable ([UInt8]) async throws -> Void) async throws {
        let opening = requests.withLock { requests in
            requests.append(request)
            return requests.count
        }
        opened.fire()
        try await script(opening) { try await receive(Array($0.utf8)) }
        throw TransportError.receive
    }

    /// Never returns but by cancellation.
    static func forever() async throws { try await Signal().wait() }

    static let chain = #"{"jsonrpc":"2.0","id":1,"result":"0x1"}"#
    static let subscribed = #"{"jsonrpc":"2.0","id":2,"result":"0xcd0c3e8af590364c09d0fa6a1210faf5"}"#
    static func head(_ number: Int, more: String = "") -> String {
        """
        {"jsonrpc":"2.0","method":"eth_subscription","params":{"subscription":"0xcd0c3e8af590364c09d0fa6a1210faf5",\
        "result":{"number":"0x\(String(number, radix: 16))","hash":"0x\(String(repeating: "11", count: 32))"\(more)}}}
        """
    }
}
