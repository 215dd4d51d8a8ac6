public import Ethereum
public import Foundation

extension RowReader {
    /// A `bigint`, `integer`, `smallint`, `oid` or `xid8`.
    public func integer(_ column: Int) throws(StorageError) -> Int64 { try required(column, "integer") { $0.integer } }
    /// A `bigint`, `integer` or `smallint`, or nil.
    public func optionalInteger(_ column: Int) throws(StorageError) -> Int64? {
        try optional(column, "integer") { $0.integer }
    }
    /// A `boolean`.
    public func boolean(_ column: Int) throws(StorageError) -> Bool { try required(column, "boolean") { $0.boolean } }
    /// A `boolean`, or nil.
    public func optionalBoolean(_ column: Int) throws(StorageError) -> Bool? {
        try optional(column, "boolean") { $0.boolean }
    }
    /// A `double precision` or `real`.
    public func double(_ column: Int) throws(StorageError) -> Double { try required(column, "double") { $0.double } }
    /// A `double precision` or `real`, or nil.
    public func optionalDouble(_ column: Int) throws(StorageError) -> Double? {
        try optional(column, "double") { $0.double }
    }
    /// A `text`, `varchar`, `name`, `json`, `jsonb` or enumeration.
    public func text(_ column: Int) throws(StorageError) -> String { try required(column, "text") { $0.text } }
    /// A `text`, `varchar`, `name`, `json`, `jsonb` or enumeration, or nil.
    public func optionalText(_ column: Int) throws(StorageError) -> String? {
        try optional(column, "text") { $0.text }
    }
    /// A `bytea`.
    public func bytes(_ column: Int) throws(StorageError) -> [UInt8] { try required(column, "bytea") { $0.byteString } }
    /// A `bytea`, or nil.
    public func optionalBytes(_ column: Int) throws(StorageError) -> [UInt8]? {
        try optional(column, "bytea") { $0.byteString }
    }
    /// A `uuid`.
    public func uuid(_ column: Int) throws(StorageError) -> UUID { try required(column, "uuid") { $0.uuid } }
    /// A `uuid`, or nil.
    public func optionalUUID(_ column: Int) throws(StorageError) -> UUID? { try optional(column, "uuid") { $0.uuid } }
    /// A `timestamptz`, `timestamp` (taken as UTC) or `date`.
    public func date(_ column: Int) throws(StorageError) -> Date { try required(column, "timestamp") { $0.date } }
    /// A `timestamptz`, `timestamp` (taken as UTC) or `date`, or nil.
    public func optionalDate(_ column: Int) throws(StorageError) -> Date? {
        try optional(column, "timestamp") { $0.date }
    }
    /// An `interval` without months; a day counts as 24 hours.
    public func duration(_ column: Int) throws(StorageError) -> Duration {
        try required(column, "interval without months") { $0.duration }
    }
    /// An `interval` without months, or nil; a day counts as 24 hours.
    public func optionalDuration(_ column: Int) throws(StorageError) -> Duration? {
        try optional(column, "interval without months") { $0.duration }
    }
    /// A `numeric` or integer in decimal digits, with as many decimal places as it is stored with.
    public func numeric(_ column: Int) throws(StorageError) -> String { try required(column, "numeric") { $0.numeric } }
    /// A `numeric` or integer in decimal digits, or nil.
    public func optionalNumeric(_ column: Int) throws(StorageError) -> String? {
        try optional(column, "numeric") { $0.numeric }
    }
    /// A whole `numeric` or integer within 0...2^256 - 1.
    public func uint256(_ column: Int) throws(StorageError) -> UInt256 {
        try required(column, "unsigned 256-bit integer") { $0.uint256 }
    }
    /// A whole `numeric` or integer within 0...2^256 - 1, or nil.
    public func optionalUInt256(_ column: Int) throws(StorageError) -> UInt256? {
        try optional(column, "unsigned 256-bit integer") { $0.uint256 }
    }
    /// A whole `numeric` or integer within -2^255...2^255 - 1.
    public func int256(_ column: Int) throws(StorageError) -> Int256 {
        try required(column, "signed 256-bit integer") { $0.int256 }
    }
    /// A whole `numeric` or integer within -2^255...2^255 - 1, or nil.
    public func optionalInt256(_ column: Int) throws(StorageError) -> Int256? {
        try optional(column, "signed 256-bit integer") { $0.int256 }
    }
    /// A `bytea` of 32 bytes.
    public func hash(_ column: Int) throws(StorageError) -> Hash {
        try required(column, "32 bytes") { $0.byteString.flatMap { Hash(bytes: $0) } }
    }
    /// A `bytea` of 32 bytes, or nil.
    public func optionalHash(_ column: Int) throws(StorageError) -> Hash? {
        try optional(column, "32 bytes") { $0.byteString.flatMap { Hash(bytes: $0) } }
    }
    /// A `bytea` of 20 bytes.
    public func address(_ column: Int) throws(StorageError) -> Address {
        try required(column, "20 bytes") { $0.byteString.flatMap { Address(bytes: $0) } }
    }
    /// A `bytea` of 20 bytes, or nil.
    public func optionalAddress(_ column: Int) throws(StorageError) -> Address? {
        try optional(column, "20 bytes") { $0.byteString.flatMap { Address(bytes: $0) } }
    }
}

// Arrays; NULL elements are refused.
extension RowReader {
    /// An array of integers.
    public func integers(_ column: Int) throws(StorageError) -> [Int64] {
        try required(column, "integer array") { $0.complete { $0.integer } }
    }
    /// An array of texts.
    public func texts(_ column: Int) throws(StorageError) -> [String] {
        try required(column, "text array") { $0.complete { $0.text } }
    }
    /// An array of texts, with nil for NULL ones.
    public func optionalTexts(_ column: Int) throws(StorageError) -> [String?] {
        try required(column, "text array") { $0.elements { $0.text } }
    }
    /// An array of byte strings.
    public func byteStrings(_ column: Int) throws(StorageError) -> [[UInt8]] {
        try required(column, "bytea array") { $0.complete { $0.byteString } }
    }
    /// An array of UUIDs.
    public func uuids(_ column: Int) throws(StorageError) -> [UUID] {
        try required(column, "uuid array") { $0.complete { $0.uuid } }
    }
    /// An array of booleans.
    public func booleans(_ column: Int) throws(StorageError) -> [Bool] {
        try required(column, "boolean array") { $0.complete { $0.boolean } }
    }
}

extension Field {
    /// The elements of an array in which none is NULL.
    fileprivate func complete<Value>(_ decode: (Field) -> Value?) -> [Value]? {
        guard let values = elements(decode) else { return nil }
        let present = values.compactMap { $0 }
        return present.count == values.count ? present : nil
    }
}
