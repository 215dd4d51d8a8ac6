/// Values as contracts exchange them: words, heads and tails.
///
/// Decoding is total: whatever the bytes are, it returns values or throws, in time and memory bounded by a small
/// multiple of their count. Words behind the last tail are ignored, as Solidity ignores them.
///
/// - SeeAlso: Solidity documentation, "Contract ABI Specification", strict mode for ranges.
public enum ABI {
    /// The values of `types` that `bytes` hold.
    public static func decode(_ types: [ABIType], from bytes: [UInt8]) throws(ABIError) -> [ABIValue] {
        try decode(types, from: bytes.span)
    }

    /// The values of `types` that `bytes` hold.
    public static func decode(_ types: [ABIType], from bytes: Span<UInt8>) throws(ABIError) -> [ABIValue] {
        guard bytes.count.isMultiple(of: 32) else { throw .partialWord(length: bytes.count) }
        var decoder = ABIDecoder(budget: ABIDecoder.budget(for: bytes.count))
        return try decoder.components(types, of: bytes)
    }

    /// `values` written as `types` ask.
    public static func encode(_ values: [ABIValue], as types: [ABIType]) throws(ABIError) -> [UInt8] {
        var encoder = ABIEncoder()
        try encoder.append(values, as: types, within: "the parameters")
        return encoder.bytes
    }

    /// The calldata of a call of `signature`, such as `ownerOf(uint256)`, with `values`.
    public static func encodeCall(_ signature: String, _ values: [ABIValue]) throws(ABIError) -> [UInt8] {
        try ABIFunction(signature).encode(values)
    }

    /// The first four bytes of the hash of `signature`, which must be canonical.
    public static func selector(of signature: String) -> UInt32 { Keccak256.hash(signature).prefix }
}

/// A function's name and the types that it takes.
public struct ABIFunction: Hashable, Sendable {
    /// Name and types, `ownerOf(uint256)`.
    public let signature: String
    /// The types of the parameters, in their order.
    public let types: [ABIType]
    /// The first four bytes of the hash of the signature.
    public let selector: UInt32

    /// The function that `signature` describes in its canonical form.
    public init(_ signature: String) throws(ABIError) {
        var parser = ABITypeParser(signature)
        guard parser.name() != nil, let types = parser.components(depth: 0), parser.isAtEnd else {
            throw .badSignature(signature)
        }
        self.signature = signature
        self.types = types
        selector = ABI.selector(of: signature)
    }

    /// The calldata of a call with `values`: the selector and the encoded values.
    public func encode(_ values: [ABIValue]) throws(ABIError) -> [UInt8] {
        var encoder = ABIEncoder()
        withUnsafeBytes(of: selector.bigEndian) { encoder.bytes.append(contentsOf: $0) }
        try encoder.append(values, as: types, within: signature)
        return encoder.bytes
    }
}
