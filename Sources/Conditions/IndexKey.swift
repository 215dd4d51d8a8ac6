public import Domain
import Ethereum

/// An equality that an index can look up: the field has the value.
public struct IndexKey: Hashable, Sendable {
    /// The field.
    public let field: Field
    /// Its value.
    public let value: FieldValue

    /// The equality of `field` and `value`.
    public init(field: Field, value: FieldValue) {
        self.field = field
        self.value = value
    }

    /// The most keys that stand for one trigger; where conditions need more, they have none.
    public static let maximumCount = ConditionSet.maximumComparisons * 2
}

extension ConditionSet {
    /// Equalities of which at least one holds for each event that can match; none where the conditions need no equality.
    ///
    /// Of several such lists the most selective one: that of the rarest fields, then the shortest. No key stands in it
    /// twice.
    public var indexKeys: [IndexKey] {
        var index = 0
        var best: [IndexKey]?
        while index < steps.count { best = Self.better(best, keys(at: &index)) }
        guard let best, best.count > 1 else { return best ?? [] }
        return Array(Set(best))
    }

    /// The keys of the step at `index` and its members; moves `index` behind them.
    private func keys(at index: inout Int) -> [IndexKey]? {
        let step = steps[index]
        index += 1
        switch step {
        case .all(let end):
            var best: [IndexKey]?
            while index < end { best = Self.better(best, keys(at: &index)) }
            return best
        case .any(let end):
            var union: [IndexKey]? = []
            while index < end {
                let keys = keys(at: &index)
                union = union.flatMap { union in keys.map { union + $0 } }
            }
            return union.flatMap { $0.count <= IndexKey.maximumCount ? $0 : nil }
        case .not(let end):
            index = Int(end)
            return nil
        default: return step.keys
        }
    }

    private static func better(_ left: [IndexKey]?, _ right: [IndexKey]?) -> [IndexKey]? {
        guard let left else { return right }
        guard let right else { return left }
        return (rarity(right), right.count) < (rarity(left), left.count) ? right : left
    }

    /// The commonest field's place in the order from rare values to common ones.
    private static func rarity(_ keys: [IndexKey]) -> Int { keys.map(\.field.rarity).max() ?? 0 }
}

extension Step {
    /// The equalities of which one must hold; nil for any other comparison.
    fileprivate var keys: [IndexKey]? {
        switch self {
        case .integer(let field, .equal, let value): [IndexKey(field: field, value: .number(Number(value)))]
        case .number(let field, .equal, let value): [IndexKey(field: field, value: .number(value.value))]
        case .numbers(let field, false, let values): values.value.map { IndexKey(field: field, value: .number($0)) }
        case .address(let value, let field, false): [IndexKey(field: field, value: .address(value))]
        case .addresses(let field, false, let values): values.value.map { IndexKey(field: field, value: .address($0)) }
        case .hash(let field, false, let value): [IndexKey(field: field, value: .hash(value.value))]
        case .hashes(let field, false, let values): values.value.map { IndexKey(field: field, value: .hash($0)) }
        case .text(let value, let field, .whole, false): [IndexKey(field: field, value: .text(Text(value)))]
        case .texts(let field, false, let values): values.value.map { IndexKey(field: field, value: .text($0)) }
        case .bytes(let field, .whole, false, let value): [IndexKey(field: field, value: .bytes(value.value))]
        default: nil
        }
    }
}

extension Field {
    /// How common one value of the field is among events, from 0 for unique ones.
    fileprivate var rarity: Int {
        switch self {
        case .transactionHash, .requestHash, .feedbackHash, .responseHash, .blockHash: 0
        case .agentID, .agentURI, .feedbackURI, .requestURI, .responseURI, .newWallet: 1
        case .owner, .clientAddress, .responder, .validatorAddress, .transactionFrom, .updatedBy, .setBy, .from, .to,
            .approved, .operator, .previousOwner, .newOwner, .implementation, .blockNumber, .blockTimestamp:
            2
        case .endpoint, .metadataValue: 3
        case .tag1, .tag1Hash, .tag2, .tag, .metadataKey, .metadataKeyHash: 4
        case .value, .score, .response, .feedbackIndex, .fromAgentID, .toAgentID: 5
        default: 6
        }
    }
}
