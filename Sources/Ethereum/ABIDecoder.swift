/// Walks the heads and tails of nested values.
struct ABIDecoder {
    /// How many more words may be turned into values.
    ///
    /// Tails may be shared, and a contract that shares arrays of shared arrays would make a few kilobytes billions of
    /// values. Real encoders do not share at all.
    var budget: Int

    /// The words that may be made of `count` bytes: 16 times what they hold, and a few for small data.
    static func budget(for count: Int) -> Int { count / 2 + 64 }

    mutating func components(_ types: [ABIType], of frame: Span<UInt8>) throws(ABIError) -> [ABIValue] {
        let headSize = ABIType.headSize(of: types)
        guard frame.count >= headSize else { throw .shorterThanHead(expected: headSize, found: frame.count) }
        var values: [ABIValue] = []
        values.reserveCapacity(types.count)
        var head = 0
        for type in types {
            values.append(try value(type, of: frame, head: head, headSize: headSize))
            head += type.headSize
        }
        return values
    }

    private mutating func elements(
        _ type: ABIType, count: Int, of frame: Span<UInt8>
    ) throws(ABIError) -> [ABIValue] {
        let size = type.headSize
        guard size > 0, count <= frame.count / size else { throw .arrayOutsideData }
        var values: [ABIValue] = []
        values.reserveCapacity(min(count, budget))
        for index in 0..<count {
            values.append(try value(type, of: frame, head: index * size, headSize: count * size))
        }
        return values
    }

    private mutating func value(
        _ type: ABIType, of frame: Span<UInt8>, head: Int, headSize: Int
    ) throws(ABIError) -> ABIValue {
        guard type.isDynamic else { return try fixed(type, of: frame, at: head) }
        switch type {
        case .bytes:
            let content = frame.extracting(try ABI.tail(of: frame, head: head, headSize: headSize))
            try spend(1 + content.count / 32)
            return .bytes(content.withUnsafeBufferPointer { [UInt8]($0) })
        case .string:
            let content = frame.extracting(try ABI.tail(of: frame, head: head, headSize: headSize))
            try spend(1 + content.count / 32)
            return .string(try ABI.string(content))
        case .array(let element):
            let offset = try ABI.offset(of: frame, head: head, headSize: headSize)
            let content = frame.extracting((offset + 32)...)
            guard let count = UInt256(ABI.word(of: frame, at: offset)).uint64, count <= UInt64(content.count / 32)
            else {
                throw .arrayOutsideData
            }
            try spend(1)
            return .array(try elements(element, count: Int(count), of: content))
        case .fixedArray(let element, let count):
            let offset = try ABI.offset(of: frame, head: head, headSize: headSize)
            try spend(1)
            return .array(try elements(element, count: count, of: frame.extracting(offset...)))
        case .tuple(let types):
            let offset = try ABI.offset(of: frame, head: head, headSize: headSize)
            try spend(1)
            return .tuple(try components(types, of: frame.extracting(offset...)))
        case .uint, .int, .address, .bool, .fixedBytes:
            return try fixed(type, of: frame, at: head)
        }
    }

    /// A value that stands in the head itself; its bytes are known to be there.
    private mutating func fixed(_ type: ABIType, of frame: Span<UInt8>, at head: Int) throws(ABIError) -> ABIValue {
        switch type {
        case .fixedArray(let element, let count):
            try spend(1)
            return .array(try elements(element, count: count, of: frame.extracting(head..<head + type.headSize)))
        case .tuple(let types):
            try spend(1)
            return .tuple(try components(types, of: frame.extracting(head..<head + type.headSize)))
        default: break
        }
        try spend(1)
        let word = ABI.word(of: frame, at: head)
        switch type {
        case .uint(let bits): return .uint(try ABI.uint(word, bits: bits))
        case .int(let bits): return .int(try ABI.int(word, bits: bits))
        case .address: return .address(try ABI.address(word))
        case .bool: return .bool(try ABI.bool(word))
        case .fixedBytes(let count):
            guard UInt256(word) << (8 * count) == .zero else { throw .outOfRange(type: type.description) }
            return .fixedBytes([UInt8](word.bytes.prefix(count)))
        case .bytes, .string, .array, .fixedArray, .tuple: throw .mismatch(type: type.description)
        }
    }

    private mutating func spend(_ words: Int) throws(ABIError) {
        budget -= words
        guard budget >= 0 else { throw .amplified }
    }
}
