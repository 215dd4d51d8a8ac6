import Domain
import Ethereum
import EthereumRPC
import TestSupport
import Testing

@testable import ChainListener

@Suite("what the listener judges by")
struct JudgementTests {
    private static let branch = SimulatedChain.word(1)

    private static func sight(_ branch: Hash, _ head: BlockNumber) -> ReorgJudge.Sight {
        ReorgJudge.Sight(branch: branch, head: head, node: 0)
    }

    @Test("another node's word settles a reorganisation at once")
    func confirmed() {
        var judge = ReorgJudge()
        do {
            let verdict = judge.judge(Self.sight(Self.branch, 5), tip: 9, opinion: .confirms)
            #expect(verdict)
        }
    }

    @Test("the only node's higher branch is believed at once, another one after three looks")
    func alone() {
        var judge = ReorgJudge()
        let isHigherBelieved = judge.judge(Self.sight(Self.branch, 10), tip: 9, opinion: .alone)
        #expect(isHigherBelieved)
        judge = ReorgJudge()
        let verdicts = (0..<3).map { _ in judge.judge(Self.sight(Self.branch, 9), tip: 9, opinion: .alone) }
        #expect(verdicts == [false, false, true])
        judge = ReorgJudge()
        _ = judge.judge(Self.sight(Self.branch, 9), tip: 9, opinion: .alone)
        _ = judge.judge(Self.sight(Self.branch, 9), tip: 9, opinion: .alone)
        judge.followedTipSeen()
        let isBelieved = judge.judge(Self.sight(Self.branch, 9), tip: 9, opinion: .alone)
        #expect(!isBelieved)
    }

    @Test("where the others say nothing a higher branch is believed at once, a lower one if it grows")
    func silent() {
        var judge = ReorgJudge()
        let isHigherBelieved = judge.judge(Self.sight(Self.branch, 10), tip: 9, opinion: .silent)
        #expect(isHigherBelieved)
        judge = ReorgJudge()
        let stuck = (0..<20).map { _ in judge.judge(Self.sight(Self.branch, 5), tip: 9, opinion: .silent) }
        #expect(!stuck.contains(true))
        let growing = [6, 7].map { judge.judge(Self.sight(Self.branch, $0), tip: 9, opinion: .silent) }
        #expect(growing == [false, true])
    }

    @Test("where the others say nothing a node that turned from the followed branch is believed at its second look")
    func turned() {
        func looks(_ judge: inout ReorgJudge) -> [Bool] {
            (0..<2).map { _ in
                judge.saw(SimulatedChain.word(7), by: 0)
                return judge.judge(Self.sight(Self.branch, 9), tip: 9, opinion: .silent)
            }
        }
        var judge = ReorgJudge()
        judge.saw(SimulatedChain.word(6), by: 0)
        let turned = looks(&judge)
        #expect(turned == [false, true])
        judge.followedBranchGrew()
        let stuck = looks(&judge)
        #expect(stuck == [false, false])
    }

    @Test("against another node's word a branch must grow past it, sooner where that node stands still")
    func denied() {
        func verdicts(_ looks: [(head: BlockNumber, other: BlockNumber?)]) -> [Bool] {
            var judge = ReorgJudge()
            return looks.map { judge.judge(Self.sight(Self.branch, $0.head), tip: 9, opinion: .denies($0.other)) }
        }
        #expect(!verdicts((0..<50).map { _ in (10, 9) }).contains(true))
        #expect(verdicts([(9, 9), (10, 9)]) == [false, true])
        #expect(verdicts([(10, 9), (11, 10), (12, 11)]) == [false, false, true])
        #expect(verdicts([(10, 10), (11, 11), (12, 12), (13, 13)]) == [false, false, false, false])
        #expect(verdicts([(7, 9), (8, 9), (9, 9)]) == [false, false, false])
        #expect(verdicts([(10, nil), (11, nil), (12, nil)]) == [false, false, true])
        var judge = ReorgJudge()
        _ = judge.judge(Self.sight(Self.branch, 9), tip: 9, opinion: .denies(9))
        judge.followedBranchGrew()
        let isBelieved = judge.judge(Self.sight(Self.branch, 13), tip: 9, opinion: .denies(9))
        #expect(!isBelieved)
    }

    @Test("beyond finality silence is not enough while there are others to ask")
    func final() {
        func verdicts(_ opinion: ReorgJudge.Opinion, _ heads: [BlockNumber]) -> [Bool] {
            var judge = ReorgJudge()
            return heads.map { judge.judgeFinal(Self.sight(Self.branch, $0), tip: 9, opinion: opinion) }
        }
        #expect(verdicts(.confirms, [5]) == [true])
        #expect(verdicts(.alone, [10]) == [true])
        #expect(verdicts(.alone, [5, 5, 5]) == [false, false, true])
        #expect(verdicts(.silent, [10, 10, 10, 10]) == [false, false, false, false])
        #expect(verdicts(.silent, [10, 11, 12]) == [false, false, true])
        #expect(verdicts(.denies(9), [10, 11, 12]) == [false, false, true])
    }

    @Test("each branch proves itself anew")
    func branches() {
        var judge = ReorgJudge()
        for number in 1...20 as ClosedRange<UInt64> {
            do {
                let verdict = judge.judge(Self.sight(SimulatedChain.word(number), 9), tip: 9, opinion: .alone)
                #expect(!verdict)
            }
        }
    }

    @Test("waits double to the ceiling, each in the upper half of its step")
    func backoff() {
        var random = SeededGenerator(seed: 5)
        var backoff = Backoff(first: .milliseconds(100), ceiling: .seconds(1))
        for step in [100, 200, 400, 800, 1000, 1000, 1000] {
            let wait = backoff.fail(using: &random)
            #expect(wait >= .milliseconds(step / 2) && wait <= .milliseconds(step))
        }
        backoff.succeed()
        do {
            let verdict = backoff.fail(using: &random) <= .milliseconds(100)
            #expect(verdict)
        }
        for _ in 0..<100 {
            let verdict = backoff.fail(using: &random) <= .seconds(1)
            #expect(verdict)
        }
    }

    @Test("blooms are believed until two confirmed contradictions without an agreement between")
    func bloomTrust() {
        var trust = BloomTrust()
        trust.noteContradiction()
        trust.noteAgreement(Self.header(bloom: [1]))
        trust.noteContradiction()
        #expect(trust.isTrusted)
        trust.noteContradiction()
        #expect(!trust.isTrusted)
        trust.noteAgreement(Self.header(bloom: [2]))
        #expect(!trust.isTrusted)
    }

    private static func header(bloom topics: [UInt64], transactions: Int? = 1) -> Header {
        var bloom = Bloom()
        for topic in topics { bloom.insert(SimulatedChain.word(topic)) }
        return Header(
            number: 7, hash: SimulatedChain.word(7), parentHash: SimulatedChain.word(6), timestamp: 1,
            logsBloom: bloom, transactionCount: transactions)
    }

    @Test("blooms prove nothing until three different ones were borne out, and again after one was contradicted")
    func probation() {
        var trust = BloomTrust()
        let header = Self.header(bloom: [9])
        trust.see(header)
        for topic in [1, 1, 1, 2] as [UInt64] {
            trust.noteAgreement(Self.header(bloom: [topic]))
            #expect(trust.proof(in: header) == nil)
            #expect(trust.evidence(in: header) != nil)
            #expect(trust.isTried(by: header))
        }
        trust.noteAgreement(Self.header(bloom: [1]))
        #expect(trust.proof(in: header) == header.logsBloom)
        #expect(!trust.isTried(by: header))
        trust.noteContradiction()
        #expect(trust.proof(in: header) == nil)
    }

    @Test("an empty bloom over transactions proves nothing until others were borne out too")
    func emptyBloom() {
        var trust = BloomTrust()
        let (empty, idle) = (Self.header(bloom: []), Self.header(bloom: [], transactions: 0))
        trust.see(Self.header(bloom: [9]))
        for _ in 0..<5 { trust.noteAgreement(empty) }
        #expect(trust.proof(in: empty) == nil)
        #expect(trust.proof(in: idle) != nil)
        trust.noteContradiction()
        for topic in [1, 2, 3] as [UInt64] { trust.noteAgreement(Self.header(bloom: [topic])) }
        #expect(trust.proof(in: empty) == nil)
        for _ in 0..<3 {
            #expect(trust.isTried(by: empty))
            trust.noteAgreement(empty)
        }
        #expect(trust.proof(in: empty) != nil)
        #expect(!trust.isTried(by: empty))
    }

    @Test("receipts are asked for only so often, to learn")
    func trials() {
        var trust = BloomTrust()
        let header = Self.header(bloom: [9])
        for _ in 0..<BloomTrust.trialsMax { trust.see(header) }
        #expect(!trust.isTried(by: header))
        #expect(trust.isTriedOut)
    }
}
