import Glibc

/// An IPv4 or IPv6 address in binary.
public enum IPAddress: Hashable, Sendable, CustomStringConvertible {
    /// The 32 bits, most significant first octet.
    case v4(UInt32)
    /// The 128 bits in two halves.
    case v6(high: UInt64, low: UInt64)

    /// The address written as four decimal octets or in IPv6's colon form, without a zone; nil for anything else.
    public init?(_ text: some StringProtocol) {
        guard text.utf8.count <= 45, !text.utf8.contains(0) else { return nil }
        var bytes = [UInt8](repeating: 0, count: 16)
        let string = String(text)
        if inet_pton(AF_INET, string, &bytes) == 1 {
            self.init(bytes: bytes.prefix(4))
        } else if inet_pton(AF_INET6, string, &bytes) == 1 {
            self.init(bytes: bytes)
        } else {
            return nil
        }
    }

    /// The address of 4 or 16 `bytes` in network order; nil for any other count.
    public init?(bytes: some Collection<UInt8>) {
        switch bytes.count {
        case 4: self = .v4(bytes.reduce(0) { $0 << 8 | UInt32($1) })
        case 16:
            let high = bytes.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
            let low = bytes.dropFirst(8).reduce(0) { $0 << 8 | UInt64($1) }
            self = .v6(high: high, low: low)
        default: return nil
        }
    }

    /// Decimal octets, or IPv6's shortest form.
    public var description: String {
        var text = [CChar](repeating: 0, count: 46)
        let found: UnsafePointer<CChar>?
        switch self {
        case .v4(let bits):
            var address = in_addr(s_addr: bits.bigEndian)
            found = inet_ntop(AF_INET, &address, &text, 46)
        case .v6(let high, let low):
            var address = (high.bigEndian, low.bigEndian)
            found = inet_ntop(AF_INET6, &address, &text, 46)
        }
        return found == nil
            ? "?" : String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}

/// A range of addresses that share their first bits, `10.0.0.0/8`.
public struct CIDR: Hashable, Sendable, CustomStringConvertible {
    /// The lowest address of the range.
    public let base: IPAddress
    /// How many leading bits are shared: 0...32 or 0...128.
    public let prefixLength: Int

    /// The range written as `address/length`, or one address alone.
    ///
    /// Nil if the text is neither, or if bits behind the prefix are set, which is a slip more often than a wish.
    public init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard let first = parts.first, parts.count <= 2, let base = IPAddress(first) else { return nil }
        let width = if case .v4 = base { 32 } else { 128 }
        var length = width
        if parts.count == 2 {
            guard parts[1].utf8.count <= 3, parts[1].utf8.allSatisfy({ (0x30...0x39).contains($0) }),
                let number = Int(parts[1]), number <= width
            else { return nil }
            length = number
        }
        self.base = base
        prefixLength = length
        guard Self.prefix(base, length) == base else { return nil }
    }

    /// Whether `address` lies in the range; an address of the other family never does.
    public func contains(_ address: IPAddress) -> Bool {
        switch (base, address) {
        case (.v4, .v4), (.v6, .v6): Self.prefix(address, prefixLength) == base
        default: false
        }
    }

    /// `address/length`.
    public var description: String { "\(base)/\(prefixLength)" }

    private static func prefix(_ address: IPAddress, _ length: Int) -> IPAddress {
        switch address {
        case .v4(let bits): .v4(length == 0 ? 0 : bits & (UInt32.max << UInt32(32 - length)))
        case .v6(let high, let low):
            if length <= 64 {
                .v6(high: length == 0 ? 0 : high & (UInt64.max << UInt64(64 - length)), low: 0)
            } else {
                .v6(high: high, low: low & (UInt64.max << UInt64(128 - length)))
            }
        }
    }
}
