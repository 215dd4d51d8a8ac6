public import Ethereum

/// Why a log whose event is known cannot be decoded.
///
/// Such logs come from contracts that only look like a registry, or from strangers' bytes in a registry's strings.
public enum EventDecodingError: Error, Equatable {
    /// An anonymous log, which no registry writes.
    case noTopics
    /// The topics are not as many as the layout has indexed parameters, and one more.
    case topicCount(expected: Int, found: Int)
    /// The data is too short for the layout, or not made of whole words.
    case data(ABIError)
    /// The parameter `name`, as declared, does not hold a value of its type.
    case parameter(name: String, ABIError)
}

extension EventDecodingError: CustomStringConvertible {
    /// What is wrong, in one line without any text of the log.
    public var description: String {
        switch self {
        case .noTopics: "no topics"
        case .topicCount(let expected, let found): "topic count \(found), expected \(expected)"
        case .data(let error): "\(error)"
        case .parameter(let name, let error): "\(error) (\(name))"
        }
    }
}

/// What a log says.
public enum Decoding: Sendable {
    /// An event in `layout`, with one value for each of its parameters.
    case event(EventLayout, [FieldValue])
    /// An event that no registry was ever known to emit.
    case unknown(topic0: Hash)
    /// A known event with contents that its layout does not allow.
    case malformed(EventDecodingError)
}

/// Reads events out of logs.
///
/// Decoding is total and depends on nothing but the log. Time and memory are bounded by the size of the data.
public enum EventDecoder {
    /// What `log` says.
    public static func decode(_ log: Log) -> Decoding { decode(topics: log.topics, data: log.data) }

    /// What a log of `topics` and `data` says.
    ///
    /// Checked in this order: a topic is there, its event is known, the count of topics, the size of the data, then
    /// each parameter as declared.
    public static func decode(topics: Topics, data: [UInt8]) -> Decoding {
        guard let topic0 = topics.first else { return .malformed(.noTopics) }
        guard let layout = EventLayouts.layout(of: topic0) else { return .unknown(topic0: topic0) }
        do throws(EventDecodingError) {
            return .event(layout, try values(of: layout, topics: topics, data: data.span))
        } catch { return .malformed(error) }
    }

    private static func values(
        of layout: EventLayout, topics: Topics, data: Span<UInt8>
    ) throws(EventDecodingError) -> [FieldValue] {
        guard topics.count == layout.topicCount else {
            throw .topicCount(expected: layout.topicCount, found: topics.count)
        }
        guard data.count.isMultiple(of: 32) else { throw .data(.partialWord(length: data.count)) }
        guard data.count >= layout.headSize else {
            throw .data(.shorterThanHead(expected: layout.headSize, found: data.count))
        }
        var values: [FieldValue] = []
        values.reserveCapacity(layout.parameters.count)
        var topic = 1
        var head = 0
        for step in layout.steps {
            do throws(ABIError) {
                if step.isIndexed {
                    values.append(try value(step.encoding, of: topics[topic]))
                    topic += 1
                } else {
                    values.append(try value(step.encoding, of: data, head: head, headSize: layout.headSize))
                    head += 32
                }
            } catch { throw .parameter(name: layout.parameters[values.count].name, error) }
        }
        return values
    }

    private static func value(
        _ encoding: EventLayout.Encoding, of data: Span<UInt8>, head: Int, headSize: Int
    ) throws(ABIError) -> FieldValue {
        switch encoding {
        case .string:
            let range = try ABI.tail(of: data, head: head, headSize: headSize)
            return .text(Text(try ABI.string(data.extracting(range))))
        case .bytes:
            let range = try ABI.tail(of: data, head: head, headSize: headSize)
            return .bytes(data.extracting(range).withUnsafeBufferPointer { [UInt8]($0) })
        case .stringBytes:
            let range = try ABI.tail(of: data, head: head, headSize: headSize)
            return .bytes([UInt8](try ABI.string(data.extracting(range)).utf8))
        case .uint, .int, .address, .bool, .hash, .shortText, .stringHash:
            return try value(encoding, of: ABI.word(of: data, at: head))
        }
    }

    private static func value(_ encoding: EventLayout.Encoding, of word: Hash) throws(ABIError) -> FieldValue {
        switch encoding {
        case .uint(let bits): .number(Number(try ABI.uint(word, bits: bits)))
        case .int(let bits): .number(Number(try ABI.int(word, bits: bits)))
        case .address: .address(try ABI.address(word))
        case .bool: .boolean(try ABI.bool(word))
        case .shortText: .text(Text(shortText: word))
        case .hash, .stringHash, .string, .bytes, .stringBytes: .hash(word)
        }
    }
}

extension Text {
    /// The text of a `bytes32` tag, as the oldest contracts have them.
    ///
    /// That is its bytes without the zeros behind them, if they are UTF-8 without U+0000; else `0x` and 64 digits, since
    /// an application's own hash is a tag too.
    init(shortText word: Hash) {
        let bytes = word.bytes
        let content = bytes.prefix(1 + (bytes.lastIndex { $0 != 0 } ?? -1))
        if !content.contains(0), let text = String(validating: content, as: UTF8.self) {
            self.init(text)
        } else {
            self.init(word.description)
        }
    }
}
