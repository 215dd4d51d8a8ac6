public import Domain
public import Ethereum

/// Who and what the samples speak of: agents, accounts, tags and chains, each known by a number.
public enum World {
    /// The seed of every sample; `bench` and the micro benchmarks print it.
    public static let seed: UInt64 = 8004
    /// How many agents there are on each chain.
    public static let agents = 1_000_000
    /// How many accounts own agents or give feedback.
    public static let accounts = 300_000
    /// How many tags feedback is given with.
    public static let tags = 20_000
    /// How many chains there are.
    public static let chains = 50

    /// The account `number`.
    public static func account(_ number: Int) -> Address {
        let first = Seeded.mix(UInt64(number) &+ 1)
        let second = Seeded.mix(first)
        return Address(words: (first, second, UInt32(truncatingIfNeeded: Seeded.mix(second))))
    }

    /// The owner of the agent `number`.
    public static func owner(of agent: Int) -> Address {
        account(Int(Seeded.mix(UInt64(agent)) % UInt64(accounts)))
    }

    /// The tag `number`.
    public static func tag(_ number: Int) -> String {
        let words = ["uptime", "quality", "latency", "accuracy", "price", "safety", "support", "speed"]
        return "\(words[number % words.count])-\(number / words.count)"
    }

    /// The chain `number`.
    public static func chain(_ number: Int) -> ChainID {
        guard let chain = ChainID(rawValue: Int64(1 + number)) else { preconditionFailure("chains count from 1") }
        return chain
    }

    /// The contract of `registry`, the same on every chain.
    public static func contract(of registry: Registry) -> Address {
        let place: UInt64 =
            switch registry {
            case .identity: 1
            case .reputation: 2
            case .validation: 3
            }
        return Address(words: (0x8004_0000_0000_0000, place, 0x8004))
    }

    /// A word that follows from `number`.
    static func word(_ number: UInt64) -> Hash {
        let first = Seeded.mix(number)
        let second = Seeded.mix(first)
        let third = Seeded.mix(second)
        return Hash(words: (first, second, third, Seeded.mix(third)))
    }
}
