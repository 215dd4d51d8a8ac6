public import Domain
import Synchronization

extension ProviderPool {
    /// The newest block's header.
    public func head() async throws(RPCError) -> Header { try await marks(tags: false).latest }

    /// The newest, the safe and the finalized header, in one batch.
    ///
    /// The newest block never goes back because a backend is behind: another endpoint is asked, and where none is ahead
    /// the marks of before are answered again, for half a minute at most. Where an endpoint does not answer as soon as
    /// usual, a second one is asked too and the first answer counts. A tag that the node does not know gives nil; other
    /// failures of a tag are thrown.
    /// - Parameter tags: Whether the safe and the finalized header are asked for at all.
    public func marks(tags: Bool = true) async throws(RPCError) -> BlockMarks {
        let calls = Self.calls(tags: tags)
        do throws(RPCError) {
            return try await race(Needs(kind: .head)) { index throws(RPCError) in
                let marks = try await self.ask(index, calls) { answers throws(RPCError) in
                    try Self.marks(answers, tags: tags)
                }
                return try self.judged(marks)
            }
        } catch {
            let now = now()
            guard error == .notYet, let before = state.withLock({ $0.head.remembered(at: now) }) else { throw error }
            return before
        }
    }

    /// What another endpoint than `excluded` shows as its newest blocks, however old, and its blocks at `numbers`.
    ///
    /// - Parameter tags: Whether the safe and the finalized header are asked for too.
    /// - Returns: The marks, nil where the endpoint does not say its newest block, and those of the blocks that it has.
    public func marks(
        tags: Bool, notBy excluded: Int, at numbers: [BlockNumber]
    ) async throws(RPCError) -> (marks: BlockMarks?, blocks: [Header]) {
        let calls = Self.calls(tags: tags)
        let all = calls + numbers.map { .block(.number($0)) }
        return try await race(Needs(kind: .head, excluded: excluded)) { index throws(RPCError) in
            let found = try await self.ask(index, all) { answers throws(RPCError) in
                var blocks: [Header] = []
                for (place, number) in numbers.enumerated() {
                    do throws(RPCError) {
                        blocks.append(try Header(answers.result(calls.count + place), expecting: .number(number)))
                    } catch {
                        guard error == .notYet else { throw error }
                    }
                }
                var marks: BlockMarks?
                do throws(RPCError) {
                    marks = try Self.marks(answers, tags: tags)
                } catch {
                    guard error == .notYet, !blocks.isEmpty else { throw error }
                }
                return (marks: marks, blocks: blocks)
            }
            let now = self.now()
            if let head = found.marks?.latest.number { self.update(index) { $0.saw(head: head, at: now) } }
            return found
        }
    }

    private static func calls(tags: Bool) -> [Call] {
        tags ? [.block(.latest), .block(.safe), .block(.finalized)] : [.block(.latest)]
    }

    private static func marks(_ answers: Answers, tags: Bool) throws(RPCError) -> BlockMarks {
        var marks = BlockMarks(latest: try Header(answers.result(0)), node: answers.node)
        if tags {
            marks.safe = try mark(answers, 1)
            marks.finalized = try mark(answers, 2)
        }
        return marks
    }

    /// The marks if they are as new as those that were answered before.
    ///
    /// - Throws: `notYet` where the endpoint is behind, `inconsistent` where no chain can be that far.
    private func judged(_ marks: BlockMarks) throws(RPCError) -> BlockMarks {
        let now = now()
        let verdict = state.withLock { state in
            let verdict = state.head.judge(marks.latest.number, at: now)
            if verdict != .implausible { state.health[marks.node].saw(head: marks.latest.number, at: now) }
            if verdict == .serve { state.head.served(marks, at: now) }
            return verdict
        }
        switch verdict {
        case .serve: return marks
        case .behind: throw .notYet
        case .implausible: throw .inconsistent("a newest block far above the one before")
        }
    }

    /// The header of a tag, nil where the node does not know the tag or has no such block yet.
    private static func mark(_ answers: Answers, _ index: Int) throws(RPCError) -> Header? {
        do throws(RPCError) {
            return try Header(answers.result(index))
        } catch {
            switch error {
            // An unknown tag is an invalid parameter, and clients word that as they like.
            case .notYet, .methodMissing, .unknown(code: -32602, message: _), .unknown(code: -32000, message: _),
                .unknown(code: -39001, message: _):
                return nil
            default: throw error
            }
        }
    }
}
