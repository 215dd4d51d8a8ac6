import HTTPClient

extension ProviderPool {
    private enum Finish<Answer: Sendable>: Sendable {
        case answer(Answer)
        case failure(RPCError)
        /// So many endpoints had been asked, and no answer came in the time that it usually takes.
        case late(Int)
        case nothing
    }

    /// Does `work` with the best endpoint, and with the next one too as soon as the one before fails or takes long.
    ///
    /// The first good answer wins; whoever is not ready then is cancelled and not blamed.
    func race<Answer: Sendable>(
        _ needs: Needs, _ work: @escaping @Sendable (Int) async throws(RPCError) -> Answer
    ) async throws(RPCError) -> Answer {
        let order = try ranking(needs)
        guard order.count > 1 else { return try await each(needs, work) }
        let finish = await withTaskGroup(of: Finish<Answer>.self) { group -> Finish<Answer> in
            var started = 0
            var running = 0
            var worst: RPCError?
            func start() {
                guard started < order.count, !Task.isCancelled else { return }
                let index = order[started]
                started += 1
                running += 1
                group.addTask { await self.finish(index, needs, work) }
                guard started < order.count else { return }
                let (count, delay) = (started, health(index).hedge(needs.kind))
                group.addTask {
                    do { try await self.sleep(delay) } catch { return .nothing }
                    return .late(count)
                }
            }
            start()
            while running > 0, let next = await group.next() {
                switch next {
                case .nothing: break
                case .late(let count): if count == started { start() }
                case .answer:
                    group.cancelAll()
                    return next
                case .failure(let error):
                    running -= 1
                    worst = worst.map { $0.weight >= error.weight ? $0 : error } ?? error
                    if error.isFinal {
                        group.cancelAll()
                        return next
                    }
                    start()
                }
            }
            group.cancelAll()
            return .failure(worst ?? .transport(.cancelled))
        }
        switch finish {
        case .answer(let answer): return answer
        case .failure(let error): throw error
        case .late, .nothing: throw .unavailable(retryAfter: .seconds(1))
        }
    }

    private func finish<Answer: Sendable>(
        _ index: Int, _ needs: Needs, _ work: @Sendable (Int) async throws(RPCError) -> Answer
    ) async -> Finish<Answer> {
        do throws(RPCError) {
            return .answer(try await visit(index, needs, work))
        } catch {
            return .failure(error)
        }
    }
}
