import Synchronization

extension ProviderPool {
    /// Takes note that an answer of `node` was found to be wrong after the pool had accepted it.
    ///
    /// Counts as a failure of that endpoint, so that others are asked first for a while.
    public func distrust(_ node: Int, because reason: String) {
        guard endpoints.indices.contains(node) else { return }
        // A head that nobody has would make every true one look old.
        state.withLock { $0.head.forget(from: node) }
        noteFailure(node, .inconsistent(reason))
    }
}
