import ChainListener
import Domain
import Ethereum
import EthereumRPC

/// Nodes whose answers a test distorts, always in the same way.
struct DistortedSource: ChainSource {
    let inner: any ChainSource
    /// What becomes of the logs that any node answers.
    var logs: @Sendable ([Log]) -> [Log] = { $0 }
    /// What becomes of the logs that a second node answers; nil where there is no second node.
    var otherLogs: (@Sendable ([Log]) -> [Log])? = { $0 }
    /// What becomes of receipts; nil where no node has any.
    var receipts: (@Sendable ([Receipt]) -> [Receipt])? = { $0 }

    private func distorted(_ answer: BlockLogs, _ change: ([Log]) -> [Log]) -> BlockLogs {
        var answer = answer
        answer.logs = change(answer.logs)
        return answer
    }

    var spanLength: Int { inner.spanLength }
    var nodeCount: Int { otherLogs == nil ? 1 : 2 }
    func tip(tags: Bool) async throws -> BlockMarks { try await inner.tip(tags: tags) }
    func tip(
        tags: Bool, notBy node: Int, at numbers: [BlockNumber]
    ) async throws -> (marks: BlockMarks?, blocks: [Header])? {
        otherLogs == nil ? nil : try await inner.tip(tags: tags, notBy: node, at: numbers)
    }
    func segment(_ range: ClosedRange<BlockNumber>, contracts: [Address]) async throws -> BlockLogs {
        distorted(try await inner.segment(range, contracts: contracts), logs)
    }
    func span(_ range: ClosedRange<BlockNumber>, contracts: [Address]) async throws -> BlockLogs {
        distorted(try await inner.span(range, contracts: contracts), logs)
    }
    func block(_ hash: Hash, contracts: [Address]) async throws -> BlockLogs {
        distorted(try await inner.block(hash, contracts: contracts), logs)
    }
    func span(_ range: ClosedRange<BlockNumber>, contracts: [Address], notBy node: Int) async throws -> BlockLogs? {
        guard let otherLogs else { return nil }
        return distorted(try await inner.span(range, contracts: contracts), otherLogs)
    }
    func block(_ hash: Hash, contracts: [Address], notBy node: Int) async throws -> BlockLogs? {
        guard let otherLogs else { return nil }
        return distorted(try await inner.block(hash, contracts: contracts), otherLogs)
    }
    func headers(_ hashes: [Hash]) async throws -> [Header] { try await inner.headers(hashes) }
    func header(at number: BlockNumber, notBy node: Int) async throws -> Header? {
        otherLogs == nil ? nil : try await inner.segment(number...number, contracts: []).headers.first
    }
    func receipts(of hash: Hash) async throws -> [Receipt]? {
        guard let receipts else { return nil }
        return try await inner.receipts(of: hash).map(receipts)
    }
    func senders(of transactions: [Hash]) async throws -> [Hash: Address] {
        try await inner.senders(of: transactions)
    }
    func distrust(_ node: Int, because reason: String) { inner.distrust(node, because: reason) }
}
