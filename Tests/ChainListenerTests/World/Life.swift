import ChainListener
import Domain
import EthereumRPC
import HTTPClient
import Synchronization

@testable import ChainListener

/// One life of the listener's process, from a start to a crash.
///
/// What it asks the world goes through here. Once it is dead nothing that it still does has any effect.
final class Life: @unchecked Sendable {
    // Touched by the driver's thread alone.
    unowned let world: World
    let number: Int
    let executor = StepExecutor()
    let clock: LifeClock
    var isDead = false
    /// A paused process does nothing until then; its clock goes on.
    var pausedUntil: Duration?
    var task: Task<Void, Never>?
    var isFinished = false
    var pool: ProviderPool?
    /// The servers that answered over a connection which is still open.
    var connected: Set<WorldNode.Server> = []
    /// How many more steps it takes before it crashes; nil where it does not.
    var stepsLeft: Int?

    init(world: World, number: Int) {
        self.world = world
        self.number = number
        clock = LifeClock(at: world.now)
    }

    /// As the store knows the process.
    var holder: String { "life-\(number)" }
}

/// The nodes of a world as the pool of one life reaches them.
struct LifeTransport: Transport {
    let life: Life

    func send(_ request: OutboundRequest) async throws(TransportError) -> OutboundResponse {
        let (node, delays) = try life.begin(request)
        do {
            guard delays.there < request.deadline else {
                try await life.clock.sleep(for: request.deadline)
                throw TransportError.timedOut(after: request.deadline)
            }
            try await life.clock.sleep(for: delays.there)
            let server = node.server
            let response = try life.exchange(request, with: node).get()
            guard delays.there + delays.back < request.deadline else {
                try await life.clock.sleep(for: request.deadline - delays.there)
                throw TransportError.timedOut(after: request.deadline)
            }
            try await life.clock.sleep(for: delays.back)
            let isReused = !life.connected.insert(server).inserted
            if response.body.count > request.maximumBodyBytes { throw TransportError.bodyTooLarge }
            return OutboundResponse(
                status: response.status, headers: response.headers, body: response.body, isReused: isReused)
        } catch let error as TransportError {
            throw error
        } catch {
            throw .cancelled
        }
    }
}

extension Life {
    /// How long a request takes to get there and its answer to come back.
    struct Delays {
        let there: Duration
        let back: Duration
    }

    fileprivate func begin(_ request: OutboundRequest) throws(TransportError) -> (WorldNode, Delays) {
        guard !isDead else { throw .closed }
        guard let node = world.node(at: request.url) else { throw .dns }
        world.requests += 1
        var there = node.latency / 2
        let back = node.latency / 2 * Double.random(in: 0.5...2, using: &world.random)
        if node.shows(.silent, &world.random) {
            world.note(.silent, node)
            there = .seconds(100_000)
        } else if node.shows(.slow, &world.random) {
            world.note(.slow, node)
            there += .milliseconds(Int.random(in: 2000...9000, using: &world.random))
        }
        return (node, Delays(there: there, back: back))
    }

    fileprivate func exchange(
        _ request: OutboundRequest, with node: WorldNode
    ) -> Result<OutboundResponse, TransportError> {
        guard !isDead else { return .failure(.closed) }
        let result = world.exchange(request, with: node)
        if case .failure = result { connected.remove(node.server) }
        return result
    }
}
