public import Domain
import Ethereum

/// Makes logs and events as the registries write them: mostly feedback, then registrations, transfers and the rest.
public struct EventSampler: Sendable {
    /// How many of a hundred events are of a type.
    static let shares: [(type: EventType, share: Int)] = [
        (.newFeedback, 45), (.registered, 20), (.transfer, 10), (.uriUpdated, 8), (.metadataSet, 7),
        (.feedbackRevoked, 4), (.responseAppended, 2), (.validationRequest, 2), (.validationResponse, 2),
    ]
    private static let layouts: [EventType: EventLayout] = Dictionary(
        EventLayouts.all.map { ($0.type, $0) }, uniquingKeysWith: { current, _ in current })

    private var random: Seeded

    /// A sampler whose events follow from `seed`.
    public init(seed: UInt64 = World.seed) { random = Seeded(seed) }

    /// A log in the block `block` at `index`.
    public mutating func log(block: BlockNumber, index: Int) -> Log {
        var draw = Int.random(in: 0..<100, using: &random)
        for (type, share) in Self.shares {
            if draw < share { return log(of: type, block: block, index: index) }
            draw -= share
        }
        return log(of: .newFeedback, block: block, index: index)
    }

    /// An event on any of the chains.
    public mutating func event() -> Event {
        let block = BlockNumber(integerLiteral: Int64.random(in: 1...20_000_000, using: &random))
        let log = log(block: block, index: Int.random(in: 0..<200, using: &random))
        let chain = World.chain(Int.random(in: 0..<World.chains, using: &random))
        return Self.event(log, chain: chain)
    }

    /// The event that `log`, one of a sampler's, is.
    public static func event(_ log: Log, chain: ChainID) -> Event {
        guard
            let registry = Registry.allCases.first(where: { World.contract(of: $0) == log.address }),
            let event = Event(
                decoding: log, chainID: chain, registry: registry, timestamp: 1_700_000_000 + log.blockNumber.rawValue,
                transactionFrom: nil)
        else { preconditionFailure("a sampled log decodes") }
        return event
    }

    /// A log of `type` in the block `block` at `index`.
    public mutating func log(of type: EventType, block: BlockNumber, index: Int) -> Log {
        guard let layout = Self.layouts[type], let registry = type.registry else {
            preconditionFailure("only events of registries are sampled")
        }
        let agent = Int.random(in: 0..<World.agents, using: &random)
        var topics = Topics([layout.topic0]) ?? Topics()
        var types: [ABIType] = []
        var values: [ABIValue] = []
        for parameter in layout.parameters {
            guard let declared = ABIType(parameter.solidityType) else { preconditionFailure("a layout has ABI types") }
            let value = value(of: parameter.field, as: declared, agent: agent)
            if parameter.isIndexed {
                guard topics.append(Self.topic(value)) else { preconditionFailure("a layout has at most four topics") }
            } else {
                types.append(declared)
                values.append(value)
            }
        }
        guard let data = try? ABI.encode(values, as: types) else {
            preconditionFailure("sampled values fit their types")
        }
        return Log(
            address: World.contract(of: registry), topics: topics, data: data, blockNumber: block,
            blockHash: World.word(UInt64(block.rawValue)), transactionHash: World.word(random.next()),
            transactionIndex: UInt32(index), logIndex: UInt32(index))
    }

    private mutating func value(of field: Field, as type: ABIType, agent: Int) -> ABIValue {
        switch field {
        case .agentID: return .uint(UInt64(agent))
        case .owner, .from, .updatedBy: return .address(World.owner(of: agent))
        case .valueDecimals: return .uint(2)
        case .value: return .int(Int256(Int64.random(in: 0...10_000, using: &random)))
        case .feedbackIndex: return .uint(UInt64.random(in: 1...500, using: &random))
        case .response: return .uint(UInt64.random(in: 0...100, using: &random))
        case .tag1, .tag2, .tag, .tag1Hash:
            return .string(World.tag(Int.random(in: 0..<World.tags, using: &random)))
        case .metadataKey, .metadataKeyHash: return .string("capability")
        case .agentURI, .feedbackURI, .responseURI, .requestURI:
            return .string("https://agents.example/\(agent)/\(random.next() % 1_000_000).json")
        case .endpoint: return .string("https://agents.example/\(agent)/mcp")
        default: break
        }
        switch type {
        case .address: return .address(World.account(Int.random(in: 0..<World.accounts, using: &random)))
        case .bytes: return .bytes(Array("translation, summaries, search".utf8))
        case .fixedBytes: return .word(World.word(random.next()))
        case .string: return .string("sample")
        default: return .uint(0)
        }
    }

    /// How `value` stands in a topic.
    private static func topic(_ value: ABIValue) -> Hash {
        switch value {
        case .uint(let number): number.word
        case .int(let number): number.word
        case .address(let address): address.word
        case .string(let text): Keccak256.hash(text)
        case .fixedBytes(let bytes): Hash(bytes: bytes) ?? .zero
        case .bytes(let bytes): Keccak256.hash(bytes)
        case .bool, .array, .tuple: .zero
        }
    }
}
