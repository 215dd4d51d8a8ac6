import NIOSSL
import Synchronization

/// Opens WebSockets on SwiftNIO's shared event loops.
///
/// Addresses are not guarded: only the operator names nodes. Frames and messages are bounded, and whatever breaks RFC 6455
/// ends the socket.
public final class NIOSocketTransport: SocketTransport {
    /// Reading the system's certificate authorities costs megabytes, so all sockets share one context.
    private let context: Mutex<NIOSSLContext?> = Mutex(nil)
    private let certificateAuthorities: String?

    /// A transport; nothing is opened yet.
    ///
    /// - Parameter certificateAuthorities: A PEM file of certificate authorities in place of the system's.
    public init(certificateAuthorities: String? = nil) { self.certificateAuthorities = certificateAuthorities }

    /// Opens a socket and hands over each message until the socket ends or the task is cancelled.
    public func listen(
        _ request: SocketRequest, _ receive: @escaping @Sendable ([UInt8]) async throws -> Void
    ) async throws {
        let target = try SocketTarget(request.url)
        let connection = SocketConnection(
            request: request, target: target, context: target.isSecure ? try tls() : nil)
        do {
            try await connection.run(receive)
        } catch {
            try Task.checkCancellation()
            throw error
        }
    }

    private func tls() throws(TransportError) -> NIOSSLContext {
        do {
            return try context.withLock { context in
                if let context { return context }
                var configuration = TLSConfiguration.makeClientConfiguration()
                configuration.minimumTLSVersion = .tlsv12
                configuration.applicationProtocols = ["http/1.1"]
                if let certificateAuthorities { configuration.trustRoots = .file(certificateAuthorities) }
                let made = try NIOSSLContext(configuration: configuration)
                context = made
                return made
            }
        } catch {
            throw .tls
        }
    }
}
