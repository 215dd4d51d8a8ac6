import Domain
import Foundation

/// Writes one JSON document, member by member, in the order of the calls.
///
/// Answers are written by hand rather than encoded: member order is part of what people read, numbers stay exact, and
/// it costs a tenth of `JSONEncoder`.
struct JSONWriter {
    private(set) var bytes: [UInt8] = []
    private var needsComma = false

    init(capacity: Int = 512) { bytes.reserveCapacity(capacity) }

    /// The document that `body` writes.
    static func document(_ body: (inout JSONWriter) -> Void) -> [UInt8] {
        var writer = JSONWriter()
        writer.object(body)
        return writer.bytes
    }

    /// `value` as compact JSON, members in the order of their names.
    static func text(of value: JSON) -> String {
        var writer = JSONWriter()
        writer.json(value)
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    mutating func object(_ body: (inout JSONWriter) -> Void) {
        separate()
        bytes.append(UInt8(ascii: "{"))
        needsComma = false
        body(&self)
        bytes.append(UInt8(ascii: "}"))
        needsComma = true
    }

    mutating func array<Element>(_ elements: some Sequence<Element>, _ body: (inout JSONWriter, Element) -> Void) {
        separate()
        bytes.append(UInt8(ascii: "["))
        needsComma = false
        for element in elements { body(&self, element) }
        bytes.append(UInt8(ascii: "]"))
        needsComma = true
    }

    /// Begins the member `name`, which holds nothing to escape; one value must follow.
    mutating func name(_ name: StaticString) {
        separate()
        bytes.append(UInt8(ascii: "\""))
        name.withUTF8Buffer { bytes.append(contentsOf: $0) }
        bytes.append(UInt8(ascii: "\""))
        bytes.append(UInt8(ascii: ":"))
        needsComma = false
    }

    /// Begins the member `name`; one value must follow.
    mutating func name(escaping name: String) {
        string(name)
        bytes.append(UInt8(ascii: ":"))
        needsComma = false
    }

    mutating func null() { word("null") }
    mutating func boolean(_ value: Bool) { word(value ? "true" : "false") }
    mutating func integer(_ value: some BinaryInteger) { word(String(value)) }

    /// Rounded to three decimal places; null for what JSON has no number for.
    mutating func number(_ value: Double) {
        let rounded = (value * 1000).rounded() / 1000
        word(rounded.isFinite ? "\(rounded)" : "null")
    }

    mutating func string(_ text: String) {
        separate()
        bytes.append(UInt8(ascii: "\""))
        let isPlain: Void? = text.utf8.withContiguousStorageIfAvailable { utf8 in
            if utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x22 && $0 != 0x5c }) {
                bytes.append(contentsOf: utf8)
            } else {
                for byte in utf8 { escape(byte) }
            }
        }
        if isPlain == nil { for byte in text.utf8 { escape(byte) } }
        bytes.append(UInt8(ascii: "\""))
    }

    private mutating func escape(_ byte: UInt8) {
        switch byte {
        case UInt8(ascii: "\""): bytes.append(contentsOf: [0x5c, 0x22])
        case UInt8(ascii: "\\"): bytes.append(contentsOf: [0x5c, 0x5c])
        case 0x0a: bytes.append(contentsOf: [0x5c, UInt8(ascii: "n")])
        case 0x0d: bytes.append(contentsOf: [0x5c, UInt8(ascii: "r")])
        case 0x09: bytes.append(contentsOf: [0x5c, UInt8(ascii: "t")])
        case 0..<0x20:
            bytes.append(contentsOf: "\\u00".utf8)
            bytes.append(Self.digit(byte >> 4))
            bytes.append(Self.digit(byte & 0xf))
        default: bytes.append(byte)
        }
    }

    /// The UUID in lower-case digits with hyphens.
    mutating func uuid(_ id: UUID) {
        separate()
        bytes.append(UInt8(ascii: "\""))
        withUnsafeBytes(of: id.uuid) { raw in
            for (index, byte) in raw.enumerated() {
                if index == 4 || index == 6 || index == 8 || index == 10 { bytes.append(UInt8(ascii: "-")) }
                bytes.append(Self.digit(byte >> 4))
                bytes.append(Self.digit(byte & 0xf))
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    mutating func time(_ time: Timestamp) {
        separate()
        bytes.append(UInt8(ascii: "\""))
        time.write(into: &bytes)
        bytes.append(UInt8(ascii: "\""))
    }

    private static func digit(_ nibble: UInt8) -> UInt8 {
        nibble < 10 ? UInt8(ascii: "0") + nibble : UInt8(ascii: "a") - 10 + nibble
    }

    mutating func json(_ value: JSON) {
        switch value {
        case .null: null()
        case .boolean(let flag): boolean(flag)
        case .number(let number): word(number.description)
        case .string(let text): string(text)
        case .array(let elements): array(elements) { $0.json($1) }
        case .object(let members):
            object { writer in
                for (name, member) in members.sorted(by: { $0.key < $1.key }) {
                    writer.name(escaping: name)
                    writer.json(member)
                }
            }
        }
    }

    private mutating func separate() {
        if needsComma { bytes.append(UInt8(ascii: ",")) }
        needsComma = true
    }

    private mutating func word(_ text: String) {
        separate()
        bytes.append(contentsOf: text.utf8)
    }
}

extension JSONWriter {
    mutating func member(_ name: StaticString, _ text: String?) { member(name, text) { $0.string($1) } }
    mutating func member(_ name: StaticString, _ number: (some BinaryInteger)?) {
        member(name, number) { $0.integer($1) }
    }
    mutating func member(_ name: StaticString, _ flag: Bool?) { member(name, flag) { $0.boolean($1) } }
    mutating func member(_ name: StaticString, _ number: Double?) { member(name, number) { $0.number($1) } }
    mutating func member(_ name: StaticString, _ value: JSON?) { member(name, value) { $0.json($1) } }
    mutating func member(_ name: StaticString, _ time: Timestamp?) { member(name, time) { $0.time($1) } }

    mutating func member(_ name: StaticString, object body: (inout JSONWriter) -> Void) {
        self.name(name)
        object(body)
    }

    mutating func member<Element>(
        _ name: StaticString, array elements: some Sequence<Element>, _ body: (inout JSONWriter, Element) -> Void
    ) {
        self.name(name)
        array(elements, body)
    }

    private mutating func member<Value>(
        _ name: StaticString, _ value: Value?, _ write: (inout JSONWriter, Value) -> Void
    ) {
        self.name(name)
        if let value { write(&self, value) } else { null() }
    }
}
