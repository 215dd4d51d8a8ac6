import Domain
import Ethereum
import EthereumRPC
import Testing

@testable import ChainListener

@Suite("the head tracker")
struct HeadTrackerTests {
    /// The header of block `number` on `branch`; branches share the blocks under `fork`.
    static func header(_ number: Int, _ branch: UInt8 = 0, fork: Int = 0) -> Header {
        func hash(_ number: Int) -> Hash {
            SimulatedChain.word(UInt64(number) * 256 + UInt64(number < fork ? 0 : branch))
        }
        return Header(
            number: BlockNumber(integerLiteral: Int64(number)), hash: hash(number), parentHash: hash(number - 1),
            timestamp: Int64(number))
    }

    /// A tracker behind blocks 10...15.
    static var tracker: HeadTracker { HeadTracker(depth: 6, window: (10...15).map { header($0) }) }

    @Test("the first header is accepted whatever it is")
    func first() {
        var tracker = HeadTracker(depth: 3)
        do {
            let verdict = tracker.observe(Self.header(7))
            #expect(verdict == .accept)
        }
        #expect(tracker.tip == Self.header(7))
    }

    @Test(
        "each head means one thing",
        arguments: [
            (header(16), .accept),
            (header(15), .ignore),
            (header(12), .ignore),
            (header(9), .ignore),
            (header(9, 1), .ignore),
            (header(17), .fetch(16...16)),
            (header(40, 1), .fetch(16...39)),
            (header(16, 1, fork: 16), .accept),
            (header(16, 1, fork: 15), .fetchParent(header(15, 1, fork: 15).hash)),
            (header(15, 1, fork: 15), .rewind(to: header(14))),
            (header(11, 1, fork: 11), .rewind(to: header(10))),
            (header(12, 1, fork: 11), .fetchParent(header(11, 1, fork: 11).hash)),
            (header(11, 1, fork: 3), .fetchParent(header(10, 1, fork: 3).hash)),
            (header(10, 1, fork: 3), .halt),
        ] as [(Header, HeadTracker.Action)])
    func meaning(head: Header, action: HeadTracker.Action) {
        var tracker = Self.tracker
        do {
            let verdict = tracker.observe(head)
            #expect(verdict == action)
        }
    }

    @Test("a rewind leaves the common blocks alone and takes the branch", arguments: 1...5)
    func rewind(depth: Int) {
        var tracker = Self.tracker
        let fork = 16 - depth
        do {
            let verdict = tracker.observe(Self.header(fork, 1, fork: fork)) == .rewind(to: Self.header(fork - 1))
            #expect(verdict)
        }
        #expect(tracker.window.map(\.number) == (10..<fork).map { BlockNumber(integerLiteral: Int64($0)) })
        for number in fork...17 {
            let verdict = tracker.observe(Self.header(number, 1, fork: fork))
            #expect(verdict == .accept)
        }
        #expect(tracker.window.count == 6)
    }

    @Test("a header that claims a parent at the wrong height is no child of it")
    func wrongHeight() {
        var tracker = Self.tracker
        var head = Self.header(16)
        head.number = 15
        do {
            let verdict = tracker.observe(head) == .fetchParent(Self.header(15).hash)
            #expect(verdict)
        }
        head.number = 13
        do {
            let verdict = tracker.observe(head) == .fetchParent(Self.header(15).hash)
            #expect(verdict)
        }
    }

    @Test("only the newest linked run of a stored window is kept")
    func load() {
        let gap = HeadTracker(depth: 10, window: [Self.header(3), Self.header(5), Self.header(6)])
        #expect(gap.window == [Self.header(5), Self.header(6)])
        let branch = HeadTracker(depth: 10, window: [Self.header(4, 1), Self.header(5), Self.header(6)])
        #expect(branch.window == [Self.header(5), Self.header(6)])
        let long = HeadTracker(depth: 2, window: (1...9).map { Self.header($0) })
        #expect(long.window == [Self.header(8), Self.header(9)])
    }

    @Test("what is forgotten cannot be forked away, and the tip is never forgotten")
    func forget() {
        var tracker = Self.tracker
        tracker.forget(below: 14)
        #expect(tracker.window.map(\.number) == [14, 15])
        do {
            let verdict = tracker.observe(Self.header(15, 1, fork: 15)) == .rewind(to: Self.header(14))
            #expect(verdict)
        }
        tracker = Self.tracker
        tracker.forget(below: 14)
        do {
            let verdict = tracker.observe(Self.header(14, 1, fork: 14))
            #expect(verdict == .halt)
        }
        tracker.forget(below: 100)
        #expect(tracker.window.map(\.number) == [15])
    }
}
