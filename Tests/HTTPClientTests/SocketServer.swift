import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import NIOWebSocket

/// A real WebSocket server whose every connection does as a test scripts it.
struct SocketServer {
    /// One open socket, seen from the server.
    struct Peer: Sendable {
        let channel: any Channel
        /// The path that was asked for, with its query.
        let path: String
        let headers: [(String, String)]
        /// What the client sends, until it is gone.
        let frames: AsyncStream<WebSocketFrame>

        /// Writes bytes as they are, past the encoder.
        func write(_ bytes: [UInt8]) async {
            let channel = channel
            let sent = channel.eventLoop.flatSubmit {
                guard
                    let context = try? channel.pipeline.syncOperations.context(handlerType: WebSocketFrameEncoder.self)
                else { return channel.eventLoop.makeSucceededVoidFuture() }
                let promise = channel.eventLoop.makePromise(of: Void.self)
                context.writeAndFlush(NIOAny(ByteBuffer(bytes: bytes)), promise: promise)
                return promise.futureResult
            }
            try? await sent.get()
        }

        /// Sends one frame; its length is written in full, whatever comes of it.
        func frame(_ opcode: UInt8, _ payload: [UInt8], fin: Bool = true, mask: Bool = false) async {
            await write(Self.bytes(opcode, payload, fin: fin, mask: mask))
        }

        func text(_ text: String) async { await frame(1, Array(text.utf8)) }

        /// Returns at the client's first frame.
        func greeted() async { for await _ in frames { return } }

        /// Closes as the protocol says.
        func end() async { await frame(8, [0x03, 0xe8]) }

        /// Closes as a crash does.
        func close() async { try? await channel.close() }

        static func bytes(_ opcode: UInt8, _ payload: [UInt8], fin: Bool = true, mask: Bool = false) -> [UInt8] {
            var bytes = [(fin ? 0x80 : 0) | opcode]
            let bit: UInt8 = mask ? 0x80 : 0
            switch payload.count {
            case ..<126: bytes.append(bit | UInt8(payload.count))
            case ..<65_536: bytes += [bit | 126, UInt8(payload.count >> 8), UInt8(payload.count & 0xff)]
            default:
                bytes.append(bit | 127)
                bytes += (0..<8).reversed().map { UInt8(truncatingIfNeeded: payload.count >> ($0 * 8)) }
            }
            if mask { bytes += [0, 0, 0, 0] }
            return bytes + payload
        }
    }

    private let channel: any Channel
    let isSecure: Bool
    var port: Int { channel.localAddress?.port ?? 0 }

    func url(_ path: String = "/") -> String { "\(isSecure ? "wss" : "ws")://127.0.0.1:\(port)\(path)" }

    /// A server on a free port of 127.0.0.1; with TLS where `tls` names a certificate and its key.
    init(
        tls: (certificate: String, key: String)? = nil, _ script: @escaping @Sendable (Peer) async -> Void
    ) async throws {
        isSecure = tls != nil
        let context = try tls.map {
            try NIOSSLContext(
                configuration: .makeServerConfiguration(
                    certificateChain: NIOSSLCertificate.fromPEMFile($0.certificate).map { .certificate($0) },
                    privateKey: .privateKey(NIOSSLPrivateKey(file: $0.key, format: .pem))))
        }
        channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let context {
                        try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: context))
                    }
                    let upgrader = NIOWebSocketServerUpgrader(
                        maxFrameSize: 1 << 20, automaticErrorHandling: false,
                        shouldUpgrade: { channel, _ in channel.eventLoop.makeSucceededFuture([:]) },
                        upgradePipelineHandler: { channel, head in
                            channel.eventLoop.makeCompletedFuture {
                                let (frames, continuation) = AsyncStream.makeStream(of: WebSocketFrame.self)
                                try channel.pipeline.syncOperations.addHandler(Collector(continuation: continuation))
                                let peer = Peer(
                                    channel: channel, path: head.uri, headers: head.headers.map { ($0.name, $0.value) },
                                    frames: frames)
                                Task { await script(peer) }
                            }
                        })
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline(
                        withServerUpgrade: (upgraders: [upgrader], completionHandler: { _ in }))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
    }

    func stop() async { try? await channel.close() }

    private final class Collector: ChannelInboundHandler {
        typealias InboundIn = WebSocketFrame
        let continuation: AsyncStream<WebSocketFrame>.Continuation
        init(continuation: AsyncStream<WebSocketFrame>.Continuation) { self.continuation = continuation }
        func channelRead(context: ChannelHandlerContext, data: NIOAny) { continuation.yield(unwrapInboundIn(data)) }
        func channelInactive(context: ChannelHandlerContext) { continuation.finish() }
        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }
}
