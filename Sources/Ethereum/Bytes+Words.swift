extension [UInt8] {
    /// Appends the 32 bytes of `hash`, most significant first.
    @inlinable
    public mutating func append(_ hash: Hash) {
        let words = (
            hash.words.0.bigEndian, hash.words.1.bigEndian, hash.words.2.bigEndian, hash.words.3.bigEndian
        )
        Swift.withUnsafeBytes(of: words) { append(contentsOf: $0) }
    }

    /// Appends the 20 bytes of `address`, most significant first.
    @inlinable
    public mutating func append(_ address: Address) {
        Swift.withUnsafeBytes(of: (address.words.0.bigEndian, address.words.1.bigEndian)) { append(contentsOf: $0) }
        Swift.withUnsafeBytes(of: address.words.2.bigEndian) { append(contentsOf: $0) }
    }
}
