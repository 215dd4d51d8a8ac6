import Domain
import Ethereum
import EthereumRPC
import TestSupport
import Testing

@testable import ChainListener

@Suite("what the listener judges by")
struct JudgementTests {
    private static let branch = SimulatedChain.word(1)

    @Test("another node's word settles a reorganisation at once")
    func confirmed() {
        var judge = ReorgJudge()
        do {
            let verdict = judge.judge(branch: Self.branch, head: 5, tip: 9, opinion: .confirms)
            #expect(verdict)
        }
    }

    @Test("without another node a higher branch is believed at once, another one after three looks")
    func silent() {
        var judge = ReorgJudge()
        do {
            let verdict = judge.judge(branch: Self.branch, head: 10, tip: 9, opinion: .silent)
            #expect(verdict)
        }
        judge = ReorgJudge()
        let verdicts = (0..<3).map { _ in judge.judge(branch: Self.branch, head: 9, tip: 9, opinion: .silent) }
        #expect(verdicts == [false, false, true])
        judge = ReorgJudge()
        _ = judge.judge(branch: Self.branch, head: 9, tip: 9, opinion: .silent)
        _ = judge.judge(branch: Self.branch, head: 9, tip: 9, opinion: .silent)
        judge.followedTipSeen()
        do {
            let verdict = judge.judge(branch: Self.branch, head: 9, tip: 9, opinion: .silent)
            #expect(!verdict)
        }
    }

    @Test("against another node's word a branch must grow past ours")
    func denied() {
        var judge = ReorgJudge()
        for _ in 0..<50 {
            let verdict = judge.judge(branch: Self.branch, head: 10, tip: 9, opinion: .denies)
            #expect(!verdict)
        }
        do {
            let verdict = judge.judge(branch: Self.branch, head: 11, tip: 9, opinion: .denies)
            #expect(!verdict)
        }
        do {
            let verdict = judge.judge(branch: Self.branch, head: 12, tip: 9, opinion: .denies)
            #expect(verdict)
        }
        judge.followedBranchGrew()
        do {
            let verdict = judge.judge(branch: Self.branch, head: 13, tip: 9, opinion: .denies)
            #expect(!verdict)
        }
    }

    @Test("each branch proves itself anew")
    func branches() {
        var judge = ReorgJudge()
        for number in 1...20 as ClosedRange<UInt64> {
            do {
                let verdict = judge.judge(branch: SimulatedChain.word(number), head: 9, tip: 9, opinion: .silent)
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
        trust.noteAgreement()
        trust.noteContradiction()
        #expect(trust.isTrusted)
        trust.noteContradiction()
        #expect(!trust.isTrusted)
        trust.noteAgreement()
        #expect(!trust.isTrusted)
    }
}
