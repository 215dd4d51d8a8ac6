import Domain
import Ethereum
import EthereumRPC
import Testing

@testable import ChainListener

@Suite("the finality marks")
struct FinalityMarksTests {
    static func sight(
        _ source: FinalitySource = .tags, safe: Int? = nil, finalized: Int? = nil, branch: UInt8 = 0
    ) -> FinalityMarks.Sight {
        FinalityMarks.Sight(
            source: source, confirmations: 12, safe: safe.map { HeadTrackerTests.header($0, branch) },
            finalized: finalized.map { HeadTrackerTests.header($0, branch) })
    }

    @Test(
        "marks follow the tags of blocks under the checkpoint, and never back",
        arguments: [
            (sight(safe: 60, finalized: 40), 100, 60, 40),
            (sight(safe: 60, finalized: 40), 50, 40, 40),
            (sight(safe: 60, finalized: 40), 30, 20, 10),
            (sight(finalized: 40), 100, 40, 40),
            (sight(safe: 30, finalized: 40), 100, 40, 40),
            (sight(), 100, 20, 10),
            (sight(safe: 5, finalized: 4), 100, 20, 10),
            (sight(.depth), 100, 88, 88),
            (sight(.depth), 15, 20, 10),
        ] as [(FinalityMarks.Sight, Int64, Int64, Int64)])
    func advance(sight: FinalityMarks.Sight, checkpoint: Int64, safe: Int64, finalized: Int64) {
        var marks = FinalityMarks(safe: 20, finalized: 10)
        marks.advance(sight, checkpoint: BlockNumber(integerLiteral: checkpoint)) { _ in nil }
        #expect(marks.safe?.rawValue == safe)
        #expect(marks.finalized?.rawValue == finalized)
    }

    @Test("a young chain has no marks by depth")
    func young() {
        var marks = FinalityMarks()
        marks.advance(Self.sight(.depth), checkpoint: 11) { _ in nil }
        #expect(marks.finalized == nil)
        marks.advance(Self.sight(.depth), checkpoint: 12) { _ in nil }
        #expect(marks.finalized == 0)
    }

    @Test("a tag that names another block than the stored one is not believed")
    func otherBranch() {
        var marks = FinalityMarks(safe: 20, finalized: 10)
        marks.advance(Self.sight(safe: 60, finalized: 40, branch: 1), checkpoint: 100) { number in
            HeadTrackerTests.header(Int(number.rawValue))
        }
        #expect(marks == FinalityMarks(safe: 20, finalized: 10))
        marks.advance(Self.sight(safe: 60, finalized: 40), checkpoint: 100) { number in
            HeadTrackerTests.header(Int(number.rawValue))
        }
        #expect(marks == FinalityMarks(safe: 60, finalized: 40))
    }

    @Test("a rewind takes the safe mark back, the finalized one stays")
    func rewind() {
        var marks = FinalityMarks(safe: 20, finalized: 10)
        marks.rewind(to: 25)
        #expect(marks.safe == 20)
        marks.rewind(to: 15)
        #expect(marks.safe == 15)
        marks.rewind(to: 3)
        #expect(marks == FinalityMarks(safe: 10, finalized: 10))
    }

    @Test("depth stands in for tags that never came, and only then")
    func fallback() {
        var marks = FinalityMarks()
        for _ in 0..<FinalityMarks.patience {
            #expect(!marks.fallsBackToDepth)
            marks.look(Self.sight())
        }
        #expect(marks.fallsBackToDepth)
        marks.advance(Self.sight(), checkpoint: 100) { _ in nil }
        #expect(marks.finalized == 88)
        marks.look(Self.sight(finalized: 90))
        #expect(!marks.fallsBackToDepth)
        for _ in 0..<100 { marks.look(Self.sight()) }
        #expect(!marks.fallsBackToDepth)
    }
}
