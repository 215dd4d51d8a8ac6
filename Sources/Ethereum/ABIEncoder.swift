/// Writes heads and tails of nested values behind what `bytes` hold already.
struct ABIEncoder {
    var bytes: [UInt8] = []

    /// Appends a tuple of `types`; `name` is what an error about their count says.
    mutating func append(_ values: [ABIValue], as types: [ABIType], within name: String) throws(ABIError) {
        guard values.count == types.count else { throw .mismatch(type: name) }
        let start = bytes.count
        let headSize = ABIType.headSize(of: types)
        bytes.append(contentsOf: repeatElement(0, count: headSize))
        var head = start
        for (value, type) in zip(values, types) {
            if type.isDynamic {
                put(Hash(words: (0, 0, 0, UInt64(bytes.count - start))), at: head)
                try appendTail(value, as: type)
            } else {
                try put(value, as: type, at: head)
            }
            head += type.headSize
        }
    }

    private mutating func appendTail(_ value: ABIValue, as type: ABIType) throws(ABIError) {
        switch (type, value) {
        case (.bytes, .bytes(let content)): append(content)
        case (.string, .string(let text)): append([UInt8](text.utf8))
        case (.array(let element), .array(let values)):
            append(UInt64(values.count))
            try append(values, as: [ABIType](repeating: element, count: values.count), within: type.description)
        case (.fixedArray(let element, let count), .array(let values)):
            try append(values, as: [ABIType](repeating: element, count: count), within: type.description)
        case (.tuple(let types), .tuple(let values)): try append(values, as: types, within: type.description)
        default: throw .mismatch(type: type.description)
        }
    }

    /// Writes a value that stands in the head at `offset`, which is reserved already.
    private mutating func put(_ value: ABIValue, as type: ABIType, at offset: Int) throws(ABIError) {
        switch (type, value) {
        case (.uint(let bits), .uint(let number)): put(try ABI.uint(number.word, bits: bits).word, at: offset)
        case (.int(let bits), .int(let number)): put(try ABI.int(number.word, bits: bits).word, at: offset)
        case (.address, .address(let address)): put(address.word, at: offset)
        case (.bool, .bool(let flag)): put(UInt256(flag ? 1 : 0).word, at: offset)
        case (.fixedBytes(let count), .fixedBytes(let content)) where content.count == count:
            bytes.replaceSubrange(offset..<offset + count, with: content)
        case (.fixedArray(let element, let count), .array(let values)) where values.count == count:
            for (index, value) in values.enumerated() {
                try put(value, as: element, at: offset + index * element.headSize)
            }
        case (.tuple(let types), .tuple(let values)) where values.count == types.count:
            var offset = offset
            for (type, value) in zip(types, values) {
                try put(value, as: type, at: offset)
                offset += type.headSize
            }
        default: throw .mismatch(type: type.description)
        }
    }

    private mutating func put(_ word: Hash, at offset: Int) {
        bytes.withUnsafeMutableBytes {
            word.write(to: UnsafeMutableRawBufferPointer(rebasing: $0[offset..<offset + 32]))
        }
    }

    private mutating func append(_ number: UInt64) { bytes.append(contentsOf: UInt256(number).word.bytes) }

    private mutating func append(_ content: [UInt8]) {
        append(UInt64(content.count))
        bytes.append(contentsOf: content)
        bytes.append(contentsOf: repeatElement(0, count: (32 - content.count % 32) % 32))
    }
}
