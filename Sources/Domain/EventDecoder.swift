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
    public static func decode(topics: Topics, data: [UInt8]) -> Decoding {
        guard let topic0 = topics.first else { return .malformed(.noTopics) }
        do throws(EventDecodingError) {
            guard let layout = try layout(topics: topics, data: data) else { return .unknown(topic0: topic0) }
            return .event(layout, layout.steps.compactMap { value($0, of: layout, topics: topics, data: data) })
        } catch { return .malformed(error) }
    }

    /// The layout of `log`, all of whose parameters were checked; nil for an event that no registry was known to emit.
    ///
    /// Makes no values, so it allocates nothing; read them with ``value(of:layout:in:)``.
    public static func layout(of log: Log) throws(EventDecodingError) -> EventLayout? {
        try layout(topics: log.topics, data: log.data)
    }

    /// The parameter of `log` that shows `field`; nil where `layout`, which must be the log's, has none.
    public static func value(of field: Field, layout: EventLayout, in log: Log) -> FieldValue? {
        guard let index = layout.fields.firstIndex(of: field) else { return nil }
        return value(layout.steps[index], of: layout, topics: log.topics, data: log.data)
    }

    /// All parameters of `log`, in the order of its `layout`.
    static func values(layout: EventLayout, of log: Log) -> [FieldValue] {
        layout.steps.compactMap { value($0, of: layout, topics: log.topics, data: log.data) }
    }

    // MARK: Checking

    /// Checked in this order: a topic is there, its event is known, the count of topics, the size of the data, then each
    /// parameter as declared.
    private static func layout(topics: Topics, data: [UInt8]) throws(EventDecodingError) -> EventLayout? {
        guard let topic0 = topics.first else { throw .noTopics }
        guard let layout = EventLayouts.layout(of: topic0) else { return nil }
        guard topics.count == layout.topicCount else {
            throw .topicCount(expected: layout.topicCount, found: topics.count)
        }
        guard data.count.isMultiple(of: 32) else { throw .data(.partialWord(length: data.count)) }
        guard data.count >= layout.headSize else {
            throw .data(.shorterThanHead(expected: layout.headSize, found: data.count))
        }
        let data = data.span
        for index in layout.steps.indices {
            do throws(ABIError) {
                try check(layout.steps[index], topics: topics, data: data, headSize: layout.headSize)
            } catch { throw .parameter(name: layout.parameters[index].name, error) }
        }
        return layout
    }

    @inline(__always)
    private static func check(
        _ step: EventLayout.Step, topics: Topics, data: Span<UInt8>, headSize: Int
    ) throws(ABIError) {
        switch step.encoding {
        case .hash, .shortText, .stringHash: return
        case .string, .stringBytes:
            let range = try ABI.tail(of: data, head: step.place, headSize: headSize)
            guard ABI.isText(data.extracting(range)) else { throw .invalidUTF8 }
        case .bytes: _ = try ABI.tail(of: data, head: step.place, headSize: headSize)
        case .uint(let bits): _ = try ABI.uint(word(step, topics, data), bits: bits)
        case .int(let bits): _ = try ABI.int(word(step, topics, data), bits: bits)
        case .address: _ = try ABI.address(word(step, topics, data))
        case .bool: _ = try ABI.bool(word(step, topics, data))
        }
    }

    @inline(__always)
    private static func word(_ step: EventLayout.Step, _ topics: Topics, _ data: Span<UInt8>) -> Hash {
        step.isIndexed ? topics[step.place] : ABI.word(of: data, at: step.place)
    }

    // MARK: Reading

    /// The value at `step`; nil only where the log was not checked.
    private static func value(
        _ step: EventLayout.Step, of layout: EventLayout, topics: Topics, data: [UInt8]
    ) -> FieldValue? {
        guard topics.count == layout.topicCount, data.count >= layout.headSize else { return nil }
        let data = data.span
        do throws(ABIError) {
            switch step.encoding {
            case .uint(let bits): return .number(Number(try ABI.uint(word(step, topics, data), bits: bits)))
            case .int(let bits): return .number(Number(try ABI.int(word(step, topics, data), bits: bits)))
            case .address: return .address(try ABI.address(word(step, topics, data)))
            case .bool: return .boolean(try ABI.bool(word(step, topics, data)))
            case .shortText: return .text(Text(shortText: word(step, topics, data)))
            case .hash, .stringHash: return .hash(word(step, topics, data))
            case .string, .bytes, .stringBytes: break
            }
            let content = data.extracting(try ABI.tail(of: data, head: step.place, headSize: layout.headSize))
            if case .string = step.encoding { return .text(Text(try ABI.string(content))) }
            return .bytes(content.withUnsafeBufferPointer { [UInt8]($0) })
        } catch { return nil }
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
