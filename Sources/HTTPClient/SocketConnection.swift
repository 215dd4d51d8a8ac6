import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import NIOWebSocket
import Synchronization

/// One WebSocket from its name lookup to its end.
final class SocketConnection: Sendable {
    private typealias Frames = NIOAsyncChannel<WebSocketFrame, WebSocketFrame>

    private struct State {
        var channel: (any Channel)?
        var isLate = false
        var isCancelled = false
        var pulse = SocketPulse()
    }
    /// Wraps what a receiver threw, so that it is told from what the network did.
    private struct ReceiverFailed: Error { let error: any Error }

    private let request: SocketRequest
    private let target: SocketTarget
    private let context: NIOSSLContext?
    private let state = Mutex(State())

    init(request: SocketRequest, target: SocketTarget, context: NIOSSLContext?) {
        self.request = request
        self.target = target
        self.context = context
    }

    /// Opens the socket and hands over its messages until it ends.
    func run(_ receive: @escaping @Sendable ([UInt8]) async throws -> Void) async throws {
        do {
            try await withTaskCancellationHandler {
                guard let frames = try await open() else { throw TransportError.protocolViolation }
                try await frames.executeThenClose { inbound, outbound in
                    try await talk(inbound, outbound, receive)
                }
            } onCancel: {
                // What awaits NIO's futures does not notice a cancellation by itself.
                state.withLock { state in
                    state.isCancelled = true
                    return state.channel
                }?.close(promise: nil)
            }
        } catch let failure as ReceiverFailed {
            throw failure.error
        } catch {
            throw state.withLock { $0.isLate } ? .timedOutConnecting : Self.translation(of: error)
        }
    }

    // MARK: Opening

    /// The open socket; nil where the server answered something else than the upgrade.
    private func open() async throws -> Frames? {
        let nanoseconds = Int64(request.connectDeadline / .nanoseconds(1))
        let late = MultiThreadedEventLoopGroup.singleton.any().scheduleTask(in: .nanoseconds(nanoseconds)) {
            self.state.withLock { state in
                state.isLate = true
                return state.channel
            }?.close(promise: nil)
        }
        defer { late.cancel() }
        let upgrade = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connectTimeout(.nanoseconds(nanoseconds))
            .channelOption(.socketOption(.tcp_nodelay), value: 1)
            .connect(host: target.host, port: target.port) { channel in
                channel.eventLoop.makeCompletedFuture { try self.configure(channel) }
            }
        return try await upgrade.get()
    }

    private func configure(_ channel: any Channel) throws -> EventLoopFuture<Frames?> {
        let isTooLate = state.withLock { state in
            // With several addresses the newest attempt is the one under way.
            state.channel = channel
            return state.isLate || state.isCancelled
        }
        guard !isTooLate else { throw TransportError.timedOutConnecting }
        if let context {
            let handler = try NIOSSLClientHandler(context: context, serverHostname: target.tlsName)
            try channel.pipeline.syncOperations.addHandler(handler)
        }
        let limit = request.maximumMessageBytes
        let upgrader = NIOTypedWebSocketClientUpgrader<Frames?>(
            // What breaks the rules is to end our stream with its error, not to be answered behind our back.
            maxFrameSize: limit, enableAutomaticErrorHandling: false
        ) { channel, _ in
            channel.eventLoop.makeCompletedFuture {
                try channel.pipeline.syncOperations.addHandler(
                    NIOWebSocketFrameAggregator(
                        minNonFinalFragmentSize: 0, maxAccumulatedFrameCount: 64, maxAccumulatedFrameSize: limit))
                return try Frames(wrappingChannelSynchronously: channel)
            }
        }
        var headers = HTTPHeaders(request.headers.map { ($0.name, $0.value) })
        headers.replaceOrAdd(name: "Host", value: target.authority)
        let head = HTTPRequestHead(version: .http1_1, method: .GET, uri: target.path, headers: headers)
        var configuration = NIOUpgradableHTTPClientPipelineConfiguration(
            upgradeConfiguration: .init(upgradeRequestHead: head, upgraders: [upgrader]) { channel in
                channel.close().map { nil }
            })
        // A server may send its first frame right behind the answer.
        configuration.leftOverBytesStrategy = .forwardBytes
        return try channel.pipeline.syncOperations.configureUpgradableHTTPClientPipeline(configuration: configuration)
    }

    // MARK: Talking

    private func talk(
        _ inbound: NIOAsyncChannelInboundStream<WebSocketFrame>,
        _ outbound: NIOAsyncChannelOutboundWriter<WebSocketFrame>,
        _ receive: @escaping @Sendable ([UInt8]) async throws -> Void
    ) async throws {
        heard()
        for text in request.greeting { try await outbound.write(Self.frame(.text, ByteBuffer(string: text))) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            defer { group.cancelAll() }
            group.addTask {
                for try await frame in inbound {
                    self.heard()
                    try await Self.take(frame, outbound, receive)
                }
                throw TransportError.receive
            }
            group.addTask {
                let interval = self.request.pingInterval
                while true {
                    try await Task.sleep(for: interval)
                    switch self.state.withLock({ $0.pulse.tick() }) {
                    case .wait: break
                    case .ping: try await outbound.write(Self.frame(.ping, ByteBuffer()))
                    case .giveUp: throw TransportError.timedOut(after: interval)
                    }
                }
            }
            try await group.next()
        }
    }

    private func heard() { state.withLock { $0.pulse.heard() } }

    private static func take(
        _ frame: WebSocketFrame, _ outbound: NIOAsyncChannelOutboundWriter<WebSocketFrame>,
        _ receive: @Sendable ([UInt8]) async throws -> Void
    ) async throws {
        // RFC 6455, 5.1: a server that masks is broken.
        guard frame.maskKey == nil, !frame.rsv1, !frame.rsv2, !frame.rsv3 else {
            throw TransportError.protocolViolation
        }
        switch frame.opcode {
        case .text, .binary:
            do {
                try await receive(Array(frame.data.readableBytesView))
            } catch {
                throw ReceiverFailed(error: error)
            }
        case .ping: try await outbound.write(Self.frame(.pong, frame.data))
        case .pong: break
        case .connectionClose:
            try await outbound.write(Self.frame(.connectionClose, frame.data))
            throw TransportError.receive
        default: throw TransportError.protocolViolation
        }
    }

    private static func frame(_ opcode: WebSocketOpcode, _ data: ByteBuffer) -> WebSocketFrame {
        WebSocketFrame(fin: true, opcode: opcode, maskKey: .random(), data: data)
    }

    /// What became of a socket, without what the peer said.
    private static func translation(of error: any Error) -> TransportError {
        switch error {
        case let error as TransportError: error
        case is CancellationError: .cancelled
        case NIOWebSocketError.invalidFrameLength, NIOWebSocketFrameAggregator.Error.accumulatedFrameSizeIsTooLarge,
            NIOWebSocketFrameAggregator.Error.tooManyFragments:
            .bodyTooLarge
        case is NIOWebSocketError, is NIOWebSocketFrameAggregator.Error, is NIOWebSocketUpgradeError,
            is HTTPParserError:
            .protocolViolation
        case let error as NIOConnectionError: error.dnsAError == nil ? .connect : .dns
        case is NIOSSLError, is BoringSSLError, is NIOSSLExtraError: .tls
        default: .receive
        }
    }
}
