import Conditions
import Domain
import Ethereum

/// Makes the 64-bit keys of the index.
///
/// Two equal keys of different meaning cost one comparison in vain, since candidates are always evaluated in full.
enum KeyHasher {
    /// The key of an equality.
    static func key(_ field: Field, _ value: FieldValue) -> UInt64 {
        var hasher = Hasher()
        hasher.combine(field.ordinal)
        switch value {
        case .number(let number):
            hasher.combine(number)
        case .text(let text):
            var string = text.string
            string.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
        case .address(let address): hasher.combine(address)
        case .hash(let hash): hasher.combine(hash)
        case .bytes(let bytes): bytes.withUnsafeBytes { hasher.combine(bytes: $0) }
        case .boolean(let flag): hasher.combine(flag)
        }
        return UInt64(bitPattern: Int64(hasher.finalize()))
    }

    /// The key of all triggers that need an event type on a chain and no equality; the chain 0 stands for every chain.
    static func key(_ type: EventType, chain: UInt32) -> UInt64 {
        var hasher = Hasher()
        hasher.combine(chain)
        hasher.combine(EventTypes(type).rawValue)
        return UInt64(bitPattern: Int64(hasher.finalize()))
    }
}
