import Domain
import Ethereum
import Foundation

/// Reads what clients write as values; the error is the remedy.
enum Literal {
    struct Issue: Error {
        let text: String
        init(_ text: String) { self.text = text }
    }

    /// The longest text that a value may be, in UTF-8 bytes: 1,000 characters of any script.
    static let maximumTextLength = 4000
    /// The most values that a list may have.
    static let maximumListCount = 1000

    static func number(_ value: JSON, of field: Field) throws(Issue) -> Number {
        switch value {
        case .number(let decimal):
            // Foundation's decimal keeps 38 digits and rounds the rest away without a word.
            let digits = decimal.description
            guard digits.utf8.count(where: { $0 >= 0x30 && $0 <= 0x39 }) < 38 else {
                throw Issue("is exact up to 37 digits as a JSON number; write it as a string")
            }
            return try number(digits, of: field)
        case .string(let text): return try number(text, of: field)
        default: throw Issue("\(field.rawValue) is a number: write 42 or \"42\"")
        }
    }

    static func number(_ text: String, of field: Field) throws(Issue) -> Number {
        if let number = shortNumber(text) ?? Number(decimal: text) { return number }
        if field == .blockTimestamp {
            guard let seconds = seconds(text) else {
                throw Issue("block_timestamp is a time: write seconds since 1970, or 2026-01-31T12:00:00Z")
            }
            return Number(seconds)
        }
        throw Issue("\(field.rawValue) is a number: write digits, such as \"42\", \"-7\" or \"0.5\", at most 2^256 - 1")
    }

    /// Up to 18 digits, which is nearly every number that is written, read in a tenth of the time.
    private static func shortNumber(_ text: String) -> Number? {
        guard (1...18).contains(text.utf8.count) else { return nil }
        var value: Int64 = 0
        for digit in text.utf8 {
            guard digit >= UInt8(ascii: "0"), digit <= UInt8(ascii: "9") else { return nil }
            value = value * 10 + Int64(digit - UInt8(ascii: "0"))
        }
        return Number(value)
    }

    static func address(_ value: JSON, of field: Field) throws(Issue) -> Address {
        guard let text = value.string else {
            throw Issue("\(field.rawValue) is an address: write a string of 0x and 40 hexadecimal digits")
        }
        do throws(AddressError) {
            return try Address(hex: text)
        } catch {
            switch error {
            case .malformed: throw Issue("\(field.rawValue) is an address: write 0x and 40 hexadecimal digits")
            case .wrongChecksum:
                throw Issue(
                    "the letters' cases contradict the address's checksum (EIP-55); copy it again, or write it in lower case"
                )
            }
        }
    }

    static func hash(_ value: JSON, of field: Field) throws(Issue) -> Hash {
        guard let text = value.string, let hash = try? Hash(hex: text) else {
            throw Issue("\(field.rawValue) is a hash: write 0x and 64 hexadecimal digits")
        }
        return hash
    }

    static func bytes(_ value: JSON, of field: Field) throws(Issue) -> [UInt8] {
        guard let text = value.string, let bytes = try? Hex.decode(text) else {
            throw Issue("\(field.rawValue) is bytes: write 0x and two hexadecimal digits for each byte")
        }
        return bytes
    }

    static func boolean(_ value: JSON, of field: Field) throws(Issue) -> Bool {
        switch value {
        case .boolean(let flag): return flag
        case .string("true"): return true
        case .string("false"): return false
        default: throw Issue("\(field.rawValue) is true or false")
        }
    }

    /// A text; numbers and booleans count as the text that JSON writes for them.
    static func text(_ value: JSON, of field: Field) throws(Issue) -> String {
        switch value {
        case .string(let text):
            guard text.utf8.count <= maximumTextLength else {
                throw Issue("is longer than \(maximumTextLength) bytes")
            }
            return text
        default: throw Issue("\(field.rawValue) is text: write a string")
        }
    }

    private static func seconds(_ text: String) -> Int64? {
        guard text.utf8.count <= 40, let date = try? Date(text, strategy: .iso8601) else { return nil }
        return Int64(exactly: date.timeIntervalSince1970.rounded(.down))
    }
}
