/// The number that a chain answers to `eth_chainId`.
///
/// - SeeAlso: EIP-155. Above 2^63 - 1 no chain exists and none is accepted, so that it fits SQL's `bigint`.
public struct ChainID: RawRepresentable, Hashable, Comparable, Sendable, Codable, CustomStringConvertible {
    /// The number itself.
    public let rawValue: Int64

    /// The chain `rawValue`; nil unless it is positive.
    public init?(rawValue: Int64) {
        guard rawValue > 0 else { return nil }
        self.rawValue = rawValue
    }

    /// The number in decimal digits.
    public var description: String { String(rawValue) }
    /// Orders by number.
    public static func < (left: ChainID, right: ChainID) -> Bool { left.rawValue < right.rawValue }
}

/// A block's height.
///
/// Heights above 2^63 - 1 are refused where they enter, so that they fit SQL's `bigint`.
public struct BlockNumber: Hashable, Sendable, Codable, CustomStringConvertible, Strideable, ExpressibleByIntegerLiteral
{
    /// The number itself.
    public let rawValue: Int64

    /// The height `rawValue`; nil below 0.
    public init?(rawValue: Int64) {
        guard rawValue >= 0 else { return nil }
        self.rawValue = rawValue
    }

    /// The height `value`; nil above 2^63 - 1.
    public init?(_ value: UInt64) {
        guard let height = Int64(exactly: value) else { return nil }
        rawValue = height
    }

    /// A literal height, for tests and constants.
    public init(integerLiteral value: Int64) {
        precondition(value >= 0, "a block number is not negative")
        rawValue = value
    }

    /// The height in decimal digits.
    public var description: String { String(rawValue) }
    /// Orders by height.
    public static func < (left: BlockNumber, right: BlockNumber) -> Bool { left.rawValue < right.rawValue }
    /// How many blocks `other` lies above this one.
    public func distance(to other: BlockNumber) -> Int { Int(other.rawValue - rawValue) }
    /// The height `count` blocks above, or below if negative, kept within 0...2^63 - 1.
    public func advanced(by count: Int) -> BlockNumber {
        let (sum, overflow) = rawValue.addingReportingOverflow(Int64(count))
        return BlockNumber(unchecked: overflow ? .max : max(0, sum))
    }

    private init(unchecked rawValue: Int64) { self.rawValue = rawValue }
}

/// The row of an event.
public struct EventID: RawRepresentable, Hashable, Comparable, Sendable {
    /// The number itself.
    public let rawValue: Int64
    /// The row `rawValue`.
    public init(rawValue: Int64) { self.rawValue = rawValue }
    /// Orders by row, which is not an order of time across chains.
    public static func < (left: EventID, right: EventID) -> Bool { left.rawValue < right.rawValue }
}

/// Which of the three ERC-8004 registries a contract is.
public enum Registry: String, CaseIterable, Hashable, Sendable, Codable {
    case identity, reputation, validation
}
