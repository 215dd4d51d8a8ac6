import Domain
import Ethereum

extension FieldValue {
    /// The value as people and JSON strings show it: numbers decimal, addresses with their checksum, bytes as hex.
    var text: String {
        switch self {
        case .number(let number): number.description
        case .text(let text): text.string
        case .address(let address): address.checksummed
        case .hash(let hash): hash.description
        case .bytes(let bytes): Hex.encode(bytes)
        case .boolean(let flag): flag ? "true" : "false"
        }
    }

    /// The first and last digits of a long value, the beginning of a long text.
    var short: String {
        switch self {
        case .address, .hash, .bytes:
            let digits = text
            return digits.utf8.count <= 14 ? digits : digits.prefix(6) + "…" + digits.suffix(4)
        case .text(let text):
            let head = text.string.prefix(32)
            return head.endIndex == text.string.endIndex ? text.string : text.string.prefix(31) + "…"
        case .number, .boolean: return text
        }
    }
}
