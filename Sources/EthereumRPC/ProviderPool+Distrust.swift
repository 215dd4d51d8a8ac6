extension ProviderPool {
    /// Takes note that an answer of `node` was found to be wrong after the pool had accepted it.
    ///
    /// Counts as a failure of that endpoint, so that others are asked first for a while.
    public func distrust(_ node: Int, because reason: String) {
        guard endpoints.indices.contains(node) else { return }
        noteFailure(node, .inconsistent(reason))
    }
}
