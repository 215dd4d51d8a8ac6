import Domain
import Ethereum
import EthereumRPC
import Testing

@testable import ChainListener

@Suite("a block's logs against its header")
struct BlockCheckTests {
    private static let number: BlockNumber = 9
    private static let hash = SimulatedChain.word(9)
    private static let both = [SimulatedChain.identity, SimulatedChain.reputation]

    private static func log(
        _ address: Address = SimulatedChain.identity, index: UInt32 = 0, topic: UInt64 = 1, hash: Hash = hash,
        number: BlockNumber = number
    ) -> Log {
        Log(
            address: address, topics: Topics([SimulatedChain.word(topic)])!, data: [], blockNumber: number,
            blockHash: hash, transactionHash: SimulatedChain.word(3), transactionIndex: 0, logIndex: index)
    }

    private static func header(_ logs: [Log]?, settled: BlockNumber? = nil) -> Header {
        var bloom = Bloom()
        for log in logs ?? [] {
            bloom.insert(log.address)
            for topic in log.topics { bloom.insert(topic) }
        }
        return Header(
            number: number, hash: hash, parentHash: .zero, timestamp: 0, logsBloom: logs == nil ? nil : bloom,
            settledHeight: settled)
    }

    @Test(
        "the header decides what can be said",
        arguments: [
            (header([]), [], .proved),
            (header([log(SimulatedChain.stranger)]), [], .proved),
            (header([log()]), [], .unproved),
            // One log bears the bloom out, and so would a second one that did not come.
            (header([log()]), [log()], .unproved),
            (header([log(), log(SimulatedChain.reputation)]), [log()], .unproved),
            (header([]), [log()], .contradicted(.excludedByBloom)),
            (header([log(topic: 2)]), [log(topic: 1)], .contradicted(.excludedByBloom)),
            (header([log()]), [log(), log()], .contradicted(.sameIndexTwice)),
            (header([log()]), [log(hash: SimulatedChain.word(8))], .contradicted(.otherBlock)),
            (header([log()]), [log(number: 8)], .contradicted(.otherBlock)),
            (header([log()]), [log(SimulatedChain.stranger)], .contradicted(.otherContract)),
            (header(nil), [], .unproved),
            (header(nil), [log()], .unproved),
            (header([], settled: 7), [log()], .unproved),
        ] as [(Header, [Log], BlockCheck.Verdict)])
    func verdict(header: Header, logs: [Log], verdict: BlockCheck.Verdict) {
        let check = BlockCheck(contracts: Self.both, trust: .borneOut)
        #expect(check.verdict(header: header, logs: logs) == verdict)
    }

    @Test("an untrusted bloom neither proves nor contradicts")
    func untrusted() {
        let check = BlockCheck(contracts: Self.both, trust: .none)
        #expect(check.verdict(header: Self.header([]), logs: []) == .unproved)
        #expect(check.verdict(header: Self.header([]), logs: [Self.log()]) == .unproved)
    }

    @Test("an empty bloom over transactions says nothing until the chain wrote another one")
    func empty() {
        var header = Self.header([])
        var trust = BloomTrust()
        func verdict() -> BlockCheck.Verdict {
            BlockCheck(contracts: Self.both, trust: trust).verdict(header: header, logs: [])
        }
        header.transactionCount = 3
        trust.see(header)
        #expect(verdict() == .unproved)
        header.transactionCount = nil
        #expect(verdict() == .unproved)
        header.transactionCount = 0
        #expect(verdict() == .proved)
        header.transactionCount = 3
        trust.see(Self.header([Self.log(SimulatedChain.stranger)]))
        #expect(verdict() == .unproved)
        trust = .borneOut
        #expect(verdict() == .proved)
    }
}

extension BloomTrust {
    /// Blooms that proved right before, empty ones too.
    static let borneOut: BloomTrust = {
        var trust = BloomTrust()
        for number in 1...UInt64(BloomTrust.probation) {
            for topics in [[], [SimulatedChain.word(number)]] {
                var bloom = Bloom()
                for topic in topics { bloom.insert(topic) }
                let header = Header(
                    number: 1, hash: SimulatedChain.word(1), parentHash: .zero, timestamp: 0, logsBloom: bloom)
                trust.see(header)
                trust.noteAgreement(header)
            }
        }
        return trust
    }()
}
