import EthereumRPC
import Foundation
import HTTPClient
import Synchronization
import TestSupport

/// Nodes behind a transport, answering JSON-RPC as a test scripts it.
final class ScriptedNode: Transport {
    /// What a node says to one call.
    enum Answer: Sendable {
        case result(String)
        case error(Int, String)
        /// An error object as it stands.
        case rawError(String)
        /// No reply at all.
        case missing
    }

    /// One request that came in.
    struct Asked: Sendable, Equatable {
        let host: String
        let methods: [String]
        let isBatch: Bool
    }

    /// The host, the method and the parameters as JSON.
    typealias Script = @Sendable (_ host: String, _ method: String, _ parameters: String) -> Answer
    /// Takes the place of a whole response where it answers one.
    typealias Override = @Sendable (_ host: String, _ body: [UInt8]) -> Result<OutboundResponse, TransportError>?

    private let script: Mutex<Script>
    private let override: Mutex<Override?>
    private let holds = Mutex<[String: Hold]>([:])
    private let newConnections = Mutex<Set<String>>([])
    private let log = Mutex<[(asked: Asked, request: OutboundRequest)]>([])

    init(_ script: @escaping Script) {
        self.script = Mutex(script)
        override = Mutex(nil)
    }

    /// What was asked so far, calls for the chain id left out.
    var asked: [Asked] { log.withLock { $0.map(\.asked).filter { $0.methods != ["eth_chainId"] } } }
    /// The hosts that were asked for their chain id.
    var chainChecks: [String] { log.withLock { $0.map(\.asked).filter { $0.methods == ["eth_chainId"] }.map(\.host) } }
    var requests: [OutboundRequest] { log.withLock { $0.map(\.request) } }

    func play(_ script: @escaping Script) { self.script.withLock { $0 = script } }
    /// A host that does not answer before it is let go.
    struct Hold: Sendable {
        /// Fires for each request that waits.
        let arrived = Signal()
        /// Lets everybody go.
        let opened = Signal()
    }

    /// Lets every request to `host` wait, questions for its chain id left out.
    func hold(_ host: String) -> Hold {
        let hold = Hold()
        holds.withLock { $0[host] = hold }
        return hold
    }

    /// Makes the next answer of `host` come over a new connection.
    func reconnect(_ host: String) { newConnections.withLock { _ = $0.insert(host) } }
    func override(_ override: Override?) { self.override.withLock { $0 = override } }

    func send(_ request: OutboundRequest) async throws(TransportError) -> OutboundResponse {
        let host = URL(string: request.url)?.host() ?? "?"
        let calls = Self.calls(request.body)
        log.withLock {
            $0.append((Asked(host: host, methods: calls.list.map(\.method), isBatch: calls.isBatch), request))
        }
        if let hold = holds.withLock({ $0[host] }), !calls.list.contains(where: { $0.method == "eth_chainId" }) {
            hold.arrived.fire()
            do { try await hold.opened.wait() } catch { throw .cancelled }
        }
        if let response = override.withLock({ $0 })?(host, request.body) {
            let response = try response.get()
            return OutboundResponse(
                status: response.status, headers: response.headers, body: response.body, isReused: true)
        }
        return OutboundResponse(
            status: 200, body: answer(to: request.body, host: host),
            isReused: !newConnections.withLock { $0.remove(host) != nil })
    }

    /// What the node at `host` writes back for `body`.
    func answer(to body: [UInt8], host: String) -> [UInt8] {
        let calls = Self.calls(body)
        let script = script.withLock { $0 }
        let replies = calls.list.compactMap { call -> String? in
            switch script(host, call.method, call.parameters) {
            case .result(let result): #"{"jsonrpc":"2.0","id":\#(call.id),"result":\#(result)}"#
            case .error(let code, let message):
                #"{"jsonrpc":"2.0","id":\#(call.id),"error":{"code":\#(code),"message":"\#(message)"}}"#
            case .rawError(let error): #"{"id":\#(call.id),"error":\#(error)}"#
            case .missing: nil
            }
        }
        // Batches come back in any order; backwards is the one that hurts most.
        return Array((calls.isBatch ? "[\(replies.reversed().joined(separator: ","))]" : replies.first ?? "").utf8)
    }

    private static func calls(_ body: [UInt8]) -> (
        list: [(id: String, method: String, parameters: String)], isBatch: Bool
    ) {
        let json = try? JSONSerialization.jsonObject(with: Data(body))
        let list = (json as? [[String: Any]]) ?? [(json as? [String: Any]) ?? [:]]
        let calls = list.map { call in
            let parameters = call["params"].flatMap {
                try? JSONSerialization.data(withJSONObject: $0, options: [.sortedKeys, .withoutEscapingSlashes])
            }
            return (
                id: (call["id"] as? NSNumber)?.stringValue ?? "null", method: call["method"] as? String ?? "",
                parameters: String(decoding: parameters ?? Data(), as: UTF8.self)
            )
        }
        return (calls, json is [Any])
    }
}

/// A clock that stands still until it is moved; who sleeps wakes when it has moved far enough.
final class StoppedClock: Clock, Sendable {
    struct Instant: InstantProtocol {
        var offset: Duration
        func advanced(by duration: Duration) -> Instant { Instant(offset: offset + duration) }
        func duration(to other: Instant) -> Duration { other.offset - offset }
        static func < (left: Instant, right: Instant) -> Bool { left.offset < right.offset }
    }

    private struct State {
        var now = Instant(offset: .zero)
        var sleepers: [Int: (deadline: Instant, continuation: CheckedContinuation<Void, any Error>)] = [:]
        var nextID = 0
    }

    private let state = Mutex(State())
    /// Fires when somebody has lain down to sleep.
    let sleeping = Signal()

    var now: Instant { state.withLock { $0.now } }
    var minimumResolution: Duration { .nanoseconds(1) }

    func move(by duration: Duration) {
        let woken = state.withLock { state in
            state.now = state.now.advanced(by: duration)
            let due = state.sleepers.filter { $0.value.deadline <= state.now }
            for id in due.keys { state.sleepers[id] = nil }
            return due.values.map(\.continuation)
        }
        for continuation in woken { continuation.resume() }
    }

    func sleep(until deadline: Instant, tolerance: Duration?) async throws {
        let id = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let outcome: Result<Void, any Error>? = state.withLock { state in
                    if Task.isCancelled { return .failure(CancellationError()) }
                    if deadline <= state.now { return .success(()) }
                    state.sleepers[id] = (deadline, continuation)
                    return nil
                }
                if let outcome { continuation.resume(with: outcome) } else { sleeping.fire() }
            }
        } onCancel: {
            state.withLock { $0.sleepers.removeValue(forKey: id) }?.continuation.resume(throwing: CancellationError())
        }
    }
}
