/// Why bytes or values do not fit the types that they should have.
public enum ABIError: Error, Equatable {
    /// The data is not made of whole 32-byte words; `length` is its size in bytes.
    case partialWord(length: Int)
    /// The data ends before the head does.
    case shorterThanHead(expected: Int, found: Int)
    /// An offset points into the head that it stands in.
    case offsetInsideHead
    /// An offset leaves no room for a length inside the data.
    case offsetOutsideData
    /// A length goes past the end of the data.
    case lengthOutsideData
    /// An array has more elements than the data has room for.
    case arrayOutsideData
    /// A word does not fit its type, whose canonical name is `type`.
    case outOfRange(type: String)
    /// A string is not valid UTF-8.
    case invalidUTF8
    /// Decoding would make far more values than the data has words, since tails are shared.
    case amplified
    /// A value of another kind or count than `type` asks for was given to be encoded.
    case mismatch(type: String)
    /// A text is not a canonical function signature or type.
    case badSignature(String)
}

extension ABIError: CustomStringConvertible {
    /// What is wrong, for people who debug a contract.
    public var description: String {
        switch self {
        case .partialWord: "data length is not a multiple of 32"
        case .shorterThanHead: "data shorter than the head"
        case .offsetInsideHead: "offset points into the head"
        case .offsetOutsideData: "offset outside data"
        case .lengthOutsideData: "length exceeds remaining data"
        case .arrayOutsideData: "array length exceeds data"
        case .outOfRange("address"): "address: upper 12 bytes not zero"
        case .outOfRange("bool"): "bool: not 0 or 1"
        case .outOfRange(let type) where type.hasPrefix("int"): "\(type): not sign-extended / out of range"
        case .outOfRange(let type) where type.hasPrefix("bytes"): "\(type): padding not zero"
        case .outOfRange(let type): "\(type): value out of range"
        case .invalidUTF8: "string: invalid UTF-8"
        case .amplified: "shared tails repeat the data too often"
        case .mismatch(let type): "the value is no \(type)"
        case .badSignature(let text): "not a canonical signature: \(text)"
        }
    }
}
