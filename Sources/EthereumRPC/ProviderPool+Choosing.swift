import Domain
import Synchronization

extension ProviderPool {
    /// What a question needs of the endpoint that answers it.
    struct Needs: Sendable {
        /// A method that not every endpoint has.
        var method: String?
        var kind = CallKind.small
        /// The lowest block that it is about.
        var lowest: BlockNumber?
        /// For how many blocks logs are searched.
        var blocks: Int?
        /// An endpoint that is not asked.
        var excluded: Int?
    }

    /// The endpoints that may be asked, the best first.
    ///
    /// - Throws: `methodMissing` or `pruned` where all of them are known to say so, `unavailable` with the shortest wait
    ///   where none may be asked now.
    func ranking(_ needs: Needs) throws(RPCError) -> [Int] {
        let now = now()
        let health = state.withLock { $0.health }
        var allowed = health.indices.filter { $0 != needs.excluded }
        guard !allowed.isEmpty else { throw .unavailable(retryAfter: .seconds(60)) }
        if let method = needs.method {
            allowed.removeAll { health[$0].lacks(method, at: now) }
            guard !allowed.isEmpty else { throw .methodMissing }
        }
        let standings = allowed.map { health[$0].history.standing(of: needs.lowest, at: now) }
        // Where all of them have thrown the block away, they may tell so again, or have got it back.
        if standings.contains(where: { $0 < .gone }) {
            allowed = zip(allowed, standings).filter { $1 < .gone }.map(\.0)
        }
        let available = allowed.filter { health[$0].isAvailable(at: now) }
        guard !available.isEmpty else {
            throw .unavailable(retryAfter: allowed.map { health[$0].wait(at: now) }.min() ?? .seconds(60))
        }
        let best = available.compactMap { health[$0].freshHead(at: now) }.max()
        let ranked = available.map { index in
            Rank(
                standing: health[index].history.standing(of: needs.lowest, at: now),
                cost: cost(health[index], needs, best: best, at: now), index: index)
        }
        let order = ranked.sorted().map(\.index)
        // Where an endpoint's head is not known, the others cannot be compared with it: it goes first once.
        guard needs.kind == .head else { return order }
        func first(_ index: Int) -> [Int] { [index] + order.filter { $0 != index } }
        if let unknown = order.first(where: { health[$0].freshHead(at: now) == nil }) { return first(unknown) }
        // One that showed nothing new may be stuck: the next look is another's, unless that one is known to be behind.
        if let quiet = state.withLock({ $0.head.quietNode }),
            let other = order.first(where: { index in
                index != quiet && (health[index].head?.distance(to: best ?? 0)).map { $0 <= Self.lagMax } ?? true
            })
        {
            return first(other)
        }
        return order
    }

    /// Whoever is further behind the best is not asked for the newest block in its stead.
    private static let lagMax = 2

    /// What an answer costs at an endpoint, for a search by what it covers: half as many blocks are half the worth.
    private func cost(_ health: EndpointHealth, _ needs: Needs, best: BlockNumber?, at now: Duration) -> Double {
        let cost = health.cost(needs.kind, at: now, best: best)
        guard let blocks = needs.blocks else { return cost }
        let share = Double(min(blocks, health.range.prospect(at: now))) / Double(blocks)
        // An endpoint that was never asked seems to cost nothing.
        return share < 1 ? (cost + 0.05) / share : cost
    }

    private struct Rank: Comparable {
        let standing: History.Standing
        let cost: Double
        let index: Int

        static func < (left: Rank, right: Rank) -> Bool {
            (left.standing, left.cost, left.index) < (right.standing, right.cost, right.index)
        }
    }
}
