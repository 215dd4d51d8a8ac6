/// Runs `work` on every element of `inputs`, at most `atOnce` of them at a time; the results in the order of the inputs.
///
/// - Throws: the first error, after the others were cancelled.
func concurrently<Input: Sendable, Output: Sendable>(
    _ inputs: [Input], atOnce: Int, _ work: @escaping @Sendable (Input) async throws -> Output
) async throws -> [Output] {
    if let only = inputs.first, inputs.count == 1 { return [try await work(only)] }
    var outputs: [Output?] = Array(repeating: nil, count: inputs.count)
    try await withThrowingTaskGroup(of: (Int, Output).self) { group in
        for (index, input) in inputs.enumerated() {
            if index >= max(1, atOnce), let (done, output) = try await group.next() { outputs[done] = output }
            group.addTask { (index, try await work(input)) }
        }
        for try await (done, output) in group { outputs[done] = output }
    }
    return outputs.compactMap { $0 }
}

/// What `work` answers, or nil where it takes longer than `limit`; it is cancelled then.
func withinLimit<Output: Sendable>(
    _ limit: Duration, _ clock: any Clock<Duration>, _ work: @escaping @Sendable () async throws -> Output?
) async throws -> Output? {
    try await withThrowingTaskGroup(of: Output?.self) { group in
        group.addTask { try await work() }
        group.addTask {
            try await clock.sleep(for: limit)
            return nil
        }
        defer { group.cancelAll() }
        return try await group.next() ?? nil
    }
}
