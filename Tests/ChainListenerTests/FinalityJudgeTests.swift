import Domain
import EthereumRPC
import Testing

@testable import ChainListener

@Suite("how far a node's tags are believed")
struct FinalityJudgeTests {
    private typealias Judge = FinalityJudge

    /// A node that tags `final`, and the block below it as safe too, on `branch`.
    private static func told(_ final: Int, _ branch: UInt8 = 0) -> FinalityMarks.Sight {
        FinalityMarksTests.sight(safe: final, finalized: final, branch: branch)
    }

    /// Another node with its head and its final block, which has the block at `asked`.
    private static func other(
        head: Int, final: Int?, asked: Int? = nil, _ branch: UInt8 = 0
    ) -> FinalityJudge.Opinion {
        func header(_ number: Int) -> Header { HeadTrackerTests.header(number, branch) }
        return .told(
            BlockMarks(latest: header(head), safe: final.map(header), finalized: final.map(header), node: 1),
            blocks: asked.map { [header($0)] } ?? [])
    }

    /// What is believed after looks at a node whose head grows by one each time.
    private static func believed(_ looks: [(final: Int, opinion: FinalityJudge.Opinion)]) -> [Int64?] {
        var judge = FinalityJudge()
        return looks.enumerated().map { index, look in
            judge.judge(
                told(look.final), latest: BlockNumber(integerLiteral: Int64(100 + index)), look.opinion,
                at: .seconds(12 * index))
            #expect(judge.safe == judge.finalized)
            return judge.finalized?.number.rawValue
        }
    }

    @Test("the only node's word counts")
    func alone() { #expect(Self.believed([(80, .alone), (81, .alone)]) == [80, 81]) }

    @Test("two nodes are believed as far as both go")
    func both() {
        let looks = [
            (80, Self.other(head: 100, final: 80, asked: 80)), (90, Self.other(head: 101, final: 85, asked: 90)),
            (90, Self.other(head: 102, final: 95, asked: 90)), (91, Self.other(head: 103, final: nil, asked: 91)),
        ]
        #expect(Self.believed(looks) == [80, 85, 90, 91])
    }

    @Test("one that calls final what is merely new never has its way while another one's tag moves")
    func tooHigh() {
        let looks = (0..<50).map { index in
            (100 + index, Self.other(head: 100 + index, final: 60 + index / 10, asked: 100 + index))
        }
        #expect(Self.believed(looks) == looks.indices.map { Int64(60 + $0 / 10) })
    }

    @Test("another node's silence is heeded twice, then no more")
    func silent() {
        let looks = (0..<5).map { (80 + $0, FinalityJudge.Opinion.silent) }
        #expect(Self.believed(looks) == [nil, nil, nil, 83, 84])
    }

    @Test("one that is stuck itself waits for the others for ever")
    func stuck() {
        var judge = FinalityJudge()
        for look in 0..<50 {
            judge.judge(Self.told(80), latest: 100, .silent, at: .seconds(look * 12))
            judge.judge(
                Self.told(80), latest: 100, Self.other(head: 90, final: 70, asked: 80, 1), at: .seconds(look * 12))
        }
        #expect(judge.finalized == nil)
    }

    @Test("another branch is heeded while it grows, and not when it is stuck")
    func otherBranch() {
        let growing = (0..<50).map { (80 + $0, Self.other(head: 100 + $0, final: 80 + $0, asked: 80 + $0, 1)) }
        #expect(Self.believed(growing).allSatisfy { $0 == nil })
        let stuck = (0..<6).map { (80 + $0, Self.other(head: 100, final: 80, asked: 80 + $0, 1)) }
        #expect(Self.believed(stuck) == [nil, nil, nil, 83, 84, 85])
    }

    @Test("one that is far behind is passed over, and its own tag counts meanwhile")
    func behind() {
        let looks = (0..<5).map { (80 + $0, Self.other(head: 40 + $0, final: 20 + $0)) }
        #expect(Self.believed(looks) == [20, 21, 22, 83, 84])
    }

    @Test("a tag that never moves is passed over after half an hour")
    func deadTag() {
        let looks = (0..<200).map { (200 + $0, Self.other(head: 300 + $0, final: 1, asked: 200 + $0)) }
        let believed = Self.believed(looks)
        #expect(believed[149] == 1)
        #expect(believed[150] == 350)
    }

    @Test("another node is asked where marks would move, and not at every look")
    func due() {
        var judge = FinalityJudge()
        let marks = FinalityMarks(safe: 80, finalized: 80)
        #expect(!judge.isDue(Self.told(80), marks, at: .zero))
        #expect(judge.isDue(Self.told(81), marks, at: .zero))
        #expect(!judge.isDue(FinalityMarksTests.sight(.depth, finalized: 81), marks, at: .zero))
        judge.judge(Self.told(81), latest: 100, .silent, at: .zero)
        #expect(!judge.isDue(Self.told(82), marks, at: .seconds(2)))
        #expect(judge.isDue(Self.told(82), marks, at: .seconds(3)))
    }
}
