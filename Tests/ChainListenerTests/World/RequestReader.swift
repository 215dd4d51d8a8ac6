/// A JSON value as a simulated node reads it.
enum RequestValue: Sendable {
    case null, boolean(Bool), number(String), text(String), array([RequestValue]), object([(String, RequestValue)])

    subscript(name: String) -> RequestValue? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.0 == name }?.1
    }

    var text: String? { if case .text(let text) = self { text } else { nil } }
    var elements: [RequestValue]? { if case .array(let elements) = self { elements } else { nil } }
    /// A height written as a quantity.
    var quantity: Int? { text.flatMap { $0.hasPrefix("0x") ? Int($0.dropFirst(2), radix: 16) : nil } }

    /// The value that `bytes` spell; requests hold no escapes.
    init?(_ bytes: [UInt8]) {
        var reader = Reader(bytes: bytes)
        guard let value = reader.value() else { return nil }
        self = value
    }

    private struct Reader {
        let bytes: [UInt8]
        var place = 0

        private mutating func peek() -> UInt8? {
            while place < bytes.count, bytes[place] <= 32 { place += 1 }
            return place < bytes.count ? bytes[place] : nil
        }

        private mutating func take(_ character: Character) -> Bool {
            guard peek() == character.asciiValue else { return false }
            place += 1
            return true
        }

        mutating func value() -> RequestValue? {
            switch peek().map({ Character(UnicodeScalar($0)) }) {
            case "{":
                place += 1
                var members: [(String, RequestValue)] = []
                if take("}") { return .object([]) }
                repeat {
                    guard case .text(let name)? = value(), take(":"), let member = value() else { return nil }
                    members.append((name, member))
                } while take(",")
                return take("}") ? .object(members) : nil
            case "[":
                place += 1
                var elements: [RequestValue] = []
                if take("]") { return .array([]) }
                repeat {
                    guard let element = value() else { return nil }
                    elements.append(element)
                } while take(",")
                return take("]") ? .array(elements) : nil
            case "\"":
                place += 1
                let start = place
                while place < bytes.count, bytes[place] != UInt8(ascii: "\"") { place += 1 }
                guard place < bytes.count else { return nil }
                defer { place += 1 }
                return .text(String(decoding: bytes[start..<place], as: UTF8.self))
            case nil: return nil
            default:
                let start = place
                while place < bytes.count, !",]} \n".utf8.contains(bytes[place]) { place += 1 }
                let word = String(decoding: bytes[start..<place], as: UTF8.self)
                switch word {
                case "null": return .null
                case "true": return .boolean(true)
                case "false": return .boolean(false)
                default: return word.isEmpty ? nil : .number(word)
                }
            }
        }
    }
}
