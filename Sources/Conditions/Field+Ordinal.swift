public import Domain

extension Field {
    /// The case's place in the declaration, for tables and hashes.
    ///
    /// Cases without values are numbered in their order (Swift ABI, "Type Layout"), and a test compares with `allCases`;
    /// hashing the raw value instead costs a tenth of an event's whole lookup.
    @inlinable
    package var ordinal: UInt8 { unsafeBitCast(self, to: UInt8.self) }
}
