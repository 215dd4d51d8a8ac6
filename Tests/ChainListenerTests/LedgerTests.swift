import Domain
import Ethereum
import Storage
import TestSupport
import Testing

@testable import ChainListener

@Suite("the ledger of unverified heights", .freshDatabase)
struct LedgerTests {
    private struct ReadRanges: Statement {
        static let sql = "SELECT first, last FROM unverified_ranges WHERE chain_id = $1 ORDER BY first"
        let chainID: ChainID
        var arguments: [SQLValue] { [.integer(chainID.rawValue)] }
        func decode(_ row: borrowing RowReader) throws(StorageError) -> ClosedRange<Int64> {
            try row.integer(0)...row.integer(1)
        }
    }

    private static func range(using random: inout SeededGenerator) -> ClosedRange<BlockNumber> {
        let first = Int64.random(in: 0..<120, using: &random)
        return BlockNumber(
            integerLiteral: first)...BlockNumber(
                integerLiteral: first + Int64.random(in: 0..<12, using: &random))
    }

    @Test("is a set of heights, kept in as few ranges as possible")
    func set() async throws {
        let database = TestDatabase.current.database
        let (chain, other) = (ChainID(rawValue: 7)!, ChainID(rawValue: 8)!)
        for id in [chain, other] { try await database.execute(EnsureChain(chainID: id)) }
        try await database.execute(AddUnverified(chainID: other, ranges: [0...500]))
        var random = SeededGenerator.printed()
        var expected: Set<Int64> = []
        for step in 0..<300 {
            let range = Self.range(using: &random)
            let heights = Set(range.map(\.rawValue))
            // A second one not far above, which neither touches nor overlaps it.
            let second = range.upperBound.advanced(by: 3)...range.upperBound.advanced(by: 5)
            switch Int.random(in: 0..<8, using: &random) {
            case 0..<3:
                try await database.execute(AddUnverified(chainID: chain, ranges: [range]))
                expected.formUnion(heights)
            case 3:
                try await database.execute(AddUnverified(chainID: chain, ranges: [range, second]))
                expected.formUnion(heights.union(second.map(\.rawValue)))
            case 4..<6:
                try await database.execute(RemoveUnverified(chainID: chain, ranges: [range]))
                expected.subtract(heights)
            case 6:
                try await database.execute(RemoveUnverified(chainID: chain, ranges: [range, second]))
                expected.subtract(heights.union(second.map(\.rawValue)))
            default:
                guard range.lowerBound.rawValue > 60 else { break }
                try await database.execute(ForgetUnverified(chainID: chain, fork: range.lowerBound))
                expected = expected.filter { $0 <= range.lowerBound.rawValue }
            }
            let ranges = try await database.query(ReadRanges(chainID: chain))
            let found = Set(ranges.flatMap(Array.init))
            try #require(found == expected, "step \(step)")
            for (lower, upper) in zip(ranges, ranges.dropFirst()) {
                try #require(lower.upperBound + 1 < upper.lowerBound, "step \(step)")
            }
            let position = range.lowerBound
            let next = try await database.first(FindUnverified(chainID: chain, position: position))
            try #require(
                next?.range.lowerBound.rawValue == expected.filter { $0 >= position.rawValue }.min(), "step \(step)")
            try #require(
                try await database.first(CountUnverified(chainID: chain)) == Int64(expected.count), "step \(step)")
        }
        #expect(try await database.query(ReadRanges(chainID: other)) == [0...500])
    }

    @Test("heights are put into as few ranges as possible")
    func ranges() {
        #expect(([] as [BlockNumber]).ranges == [])
        #expect(([3] as [BlockNumber]).ranges == [3...3])
        #expect(([1, 2, 3, 5, 7, 8] as [BlockNumber]).ranges == [1...3, 5...5, 7...8])
    }
}
