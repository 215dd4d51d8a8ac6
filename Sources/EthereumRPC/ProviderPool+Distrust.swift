import Logging
import Synchronization

extension ProviderPool {
    /// Takes note that an answer of `node` was found to be wrong after the pool had accepted it.
    ///
    /// Counts as a failure of that endpoint, so that others are asked first for a while.
    public func distrust(_ node: Int, because reason: String) {
        guard endpoints.indices.contains(node) else { return }
        // A head that nobody has would make every true one look old.
        state.withLock { $0.head.forget(from: node) }
        // Who is the only one is asked again soon, whatever it says.
        guard endpoints.count > 1 else { return noteFailure(node, .inconsistent(reason)) }
        let now = now()
        state.withLock { state in
            let jitter = Double(state.random.next() >> 11) / Double(1 << 53)
            state.health[node].distrusted(because: reason, at: now, jitter: jitter)
        }
        logger.warning(
            "an endpoint answered wrongly and is left alone",
            metadata: ["endpoint": "\(endpoints[node].label)", "reason": "\(reason)"])
    }
}
