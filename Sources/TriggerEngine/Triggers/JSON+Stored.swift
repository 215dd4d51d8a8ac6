import Domain
import Foundation

extension JSON {
    /// The document that a `json` column holds; nil where it is none that this program reads.
    ///
    /// Nearly every stored value is a plain string or number. Reading those by hand takes a thousandth of what a decoder
    /// takes, and a million triggers are read at every start.
    init?(stored text: String) {
        var text = text
        if let plain = text.withUTF8({ JSON(plain: $0) }) {
            self = plain
        } else {
            guard let parsed = try? JSON(parsing: text.utf8) else { return nil }
            self = parsed
        }
    }

    /// A string without escapes, or up to 15 digits; nil for everything else.
    private init?(plain utf8: UnsafeBufferPointer<UInt8>) {
        guard let first = utf8.first, let last = utf8.last else { return nil }
        if first == UInt8(ascii: "\""), last == first, utf8.count >= 2 {
            let content = utf8[1..<(utf8.count - 1)]
            guard content.allSatisfy({ $0 >= 0x20 && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") }) else {
                return nil
            }
            self = .string(String(decoding: content, as: UTF8.self))
            return
        }
        guard utf8.count <= 15, first != UInt8(ascii: "0") || utf8.count == 1 else { return nil }
        var value: Int64 = 0
        for digit in utf8 {
            guard digit >= UInt8(ascii: "0"), digit <= UInt8(ascii: "9") else { return nil }
            value = value * 10 + Int64(digit - UInt8(ascii: "0"))
        }
        self = .number(Decimal(value))
    }
}
