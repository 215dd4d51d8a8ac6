public import Foundation

/// A JSON document of unknown shape, such as an action's `config`.
///
/// Numbers are decimal and exact up to 38 digits; larger integers travel as strings.
public enum JSON: Hashable, Sendable {
    case null
    case boolean(Bool)
    case number(Decimal)
    case string(String)
    case array([JSON])
    case object([String: JSON])

    /// The most levels of arrays and objects that a document may nest.
    public static let maximumDepth = 32

    /// The member `name`; nil unless this is an object that has it.
    public subscript(name: String) -> JSON? {
        guard case .object(let members) = self else { return nil }
        return members[name]
    }

    /// The text; nil for anything but a string.
    public var string: String? {
        guard case .string(let text) = self else { return nil }
        return text
    }

    /// The document that `bytes` spell.
    public init(parsing bytes: some Collection<UInt8>) throws {
        self = try JSONDecoder().decode(JSON.self, from: Data(bytes))
    }

    /// The document as compact UTF-8, members sorted by name, so that equal documents have equal bytes.
    public var bytes: [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // Encoding fails for non-finite numbers alone, and a Decimal that came from JSON is finite.
        return (try? encoder.encode(self)).map { [UInt8]($0) } ?? Array("null".utf8)
    }

    /// The document as text, see ``bytes``.
    public var text: String { String(decoding: bytes, as: UTF8.self) }
}

extension JSON: Codable {
    /// Reads any JSON value, at most ``maximumDepth`` levels deep.
    public init(from decoder: any Decoder) throws {
        guard decoder.codingPath.count <= Self.maximumDepth else {
            throw DecodingError.dataCorrupted(
                .init(codingPath: [], debugDescription: "nested more than \(Self.maximumDepth) levels deep"))
        }
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let flag = try? container.decode(Bool.self) {
            self = .boolean(flag)
        } else if let text = try? container.decode(String.self) {
            self = .string(text)
        } else if let number = try? container.decode(Decimal.self) {
            self = .number(number)
        } else if let members = try? container.decode([String: JSON].self) {
            self = .object(members)
        } else {
            self = .array(try container.decode([JSON].self))
        }
    }

    /// Writes the value as it is.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .null: try container.encodeNil()
        case .boolean(let flag): try container.encode(flag)
        case .number(let number): try container.encode(number)
        case .string(let text): try container.encode(text)
        case .array(let elements): try container.encode(elements)
        case .object(let members): try container.encode(members)
        }
    }
}
