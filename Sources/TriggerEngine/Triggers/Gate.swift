/// Lets one piece of work run at a time, in the order of asking, and lets callers share a piece that began after they
/// asked.
actor Gate {
    private var begun = 0
    private var isBusy = false
    private var waiters: [CheckedContinuation<Void, Never>] = []

    /// The number of pieces that have begun.
    func ticket() -> Int { begun }

    /// Runs `work` alone, unless a piece that began after `ticket` was drawn has succeeded meanwhile.
    func run(sharing ticket: Int, _ work: () async throws -> Void) async throws {
        if isBusy {
            await withCheckedContinuation { waiters.append($0) }
        } else {
            isBusy = true
        }
        defer { passOn() }
        guard succeeded <= ticket else { return }
        begun += 1
        let number = begun
        try await work()
        succeeded = number
    }

    /// The number of the last piece that succeeded.
    private var succeeded = 0

    private func passOn() {
        if waiters.isEmpty { isBusy = false } else { waiters.removeFirst().resume() }
    }
}
