public import Ethereum

/// How a chain says that a block is final.
public enum FinalitySource: String, Sendable, Codable {
    /// The node's `safe` and `finalized` tags.
    case tags
    /// A number of blocks on top, `Chain.confirmations`.
    case depth
}

/// What must hold before the events of a block at the tip go out.
///
/// Whatever goes out without proof is proved later, apart from the tip.
public enum VerificationPolicy: String, Sendable, Codable {
    /// The header's bloom excludes every watched contract, or a second look was taken: at another node, else at the
    /// block's receipts. What no second look bears out in time goes out all the same.
    case bloom
    /// The header's bloom excludes every watched contract, or the block's receipts make up the root in its header.
    case receipts
    /// Two nodes answered the same logs.
    case quorum
}

/// A contract that is watched, and the first block that can hold its events.
public struct RegistryContract: Hashable, Sendable {
    /// Which registry it is.
    public let registry: Registry
    /// Where it lies; a proxy, so the code behind it may change.
    public let address: Address
    /// The first block that can hold its events.
    public let startBlock: BlockNumber

    /// The contract at `address`.
    public init(registry: Registry, address: Address, startBlock: BlockNumber) {
        self.registry = registry
        self.address = address
        self.startBlock = startBlock
    }
}

/// A chain as `chains.json` describes it.
public struct Chain: Sendable, Hashable {
    /// What the nodes answer to `eth_chainId`.
    public let id: ChainID
    /// The name that people know it by.
    public let name: String
    /// Whether it is listened to.
    public let isEnabled: Bool
    /// `http`, `https`, `ws` or `wss` URLs; they may hold keys, so they are never shown whole.
    public let rpcURLs: [String]
    /// How long to wait between two looks at the head; nil where the listener finds out when blocks come.
    public let pollInterval: Duration?
    /// How far apart blocks are by rule; nil where no rule says so, and then nothing is said about a chain that rests.
    public let blockTime: Duration?
    /// How many blocks on top make a block final, where `finality` is `depth`.
    public let confirmations: Int
    /// Where `safe` and `finalized` come from.
    public let finality: FinalitySource
    /// What must hold before the events of a block go out.
    public let verification: VerificationPolicy
    /// Without a trailing slash; nil where the chain has no explorer.
    public let explorerURL: String?
    /// At least one; several of one registry are allowed.
    public let contracts: [RegistryContract]

    /// A chain with all its facts.
    public init(
        id: ChainID, name: String, isEnabled: Bool = true, rpcURLs: [String], pollInterval: Duration? = nil,
        blockTime: Duration? = nil, confirmations: Int, finality: FinalitySource,
        verification: VerificationPolicy = .bloom, explorerURL: String?,
        contracts: [RegistryContract]
    ) {
        self.id = id
        self.name = name
        self.isEnabled = isEnabled
        self.rpcURLs = rpcURLs
        self.pollInterval = pollInterval
        self.blockTime = blockTime
        self.confirmations = confirmations
        self.finality = finality
        self.verification = verification
        self.explorerURL = explorerURL
        self.contracts = contracts
    }

    /// The URLs that are asked; each may be asked anything.
    public var httpURLs: [String] { rpcURLs.filter { !Self.isSocket($0) } }

    /// The URLs of sockets, which only say earlier that there is something to ask.
    public var socketURLs: [String] { rpcURLs.filter(Self.isSocket) }

    /// Whether `url` is one of a WebSocket.
    static func isSocket(_ url: String) -> Bool {
        let start = url.prefix(6).lowercased()
        return start == "wss://" || start.hasPrefix("ws://")
    }

    /// A chain without new blocks for longer than this has stopped, or its nodes have; nil where blocks follow no rule.
    public var restMax: Duration? { blockTime.map { max($0 * 20, .seconds(60)) } }

    /// The registry that the contract at `address` is; nil for a contract that is not watched.
    public func registry(at address: Address) -> Registry? {
        contracts.first { $0.address == address }?.registry
    }

    /// The addresses of `registry` on this chain, in the order of `chains.json`.
    public func addresses(of registry: Registry) -> [Address] {
        contracts.filter { $0.registry == registry }.map(\.address)
    }
}
