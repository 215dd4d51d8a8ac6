/// One header field.
public struct HeaderField: Hashable, Sendable {
    /// The name as it was written; names compare without regard to case.
    public var name: String
    /// Without blanks around it.
    public var value: String

    /// The field `name: value`.
    public init(name: String, value: String) {
        self.name = name
        self.value = value
    }
}

/// Header fields in the order they were sent, found by name without regard to case.
public struct HeaderFields: Hashable, Sendable, RandomAccessCollection, ExpressibleByDictionaryLiteral {
    private var fields: [HeaderField] = []

    /// No fields.
    public init() {}

    /// The fields `fields`, in their order.
    public init(_ fields: [HeaderField]) { self.fields = fields }

    /// The fields of a literal, in their order.
    public init(dictionaryLiteral elements: (String, String)...) {
        fields = elements.map { HeaderField(name: $0.0, value: $0.1) }
    }

    /// Always 0.
    public var startIndex: Int { 0 }
    /// How many fields there are.
    public var endIndex: Int { fields.count }

    /// The field at `position`, which must be below `count`.
    public subscript(position: Int) -> HeaderField { fields[position] }

    /// The value of the first field called `name`, in any case; setting replaces all of them, nil removes them.
    public subscript(name: String) -> String? {
        get { fields.first { Self.matches($0.name, name) }?.value }
        set {
            let first = fields.firstIndex { Self.matches($0.name, name) } ?? fields.endIndex
            fields.removeAll { Self.matches($0.name, name) }
            if let newValue {
                fields.insert(HeaderField(name: name, value: newValue), at: Swift.min(first, fields.count))
            }
        }
    }

    /// The values of all fields called `name`, in any case and in order.
    public func values(of name: String) -> [String] {
        fields.filter { Self.matches($0.name, name) }.map(\.value)
    }

    /// Adds a field behind the others, whether or not one of that name is there.
    public mutating func append(name: String, value: String) {
        fields.append(HeaderField(name: name, value: value))
    }

    /// Whether `left` and `right` are the same bytes but for the case of ASCII letters.
    static func matches(_ left: String, _ right: String) -> Bool {
        guard left.utf8.count == right.utf8.count else { return false }
        return zip(left.utf8, right.utf8).allSatisfy { lowered($0) == lowered($1) }
    }

    private static func lowered(_ byte: UInt8) -> UInt8 {
        (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
    }
}
