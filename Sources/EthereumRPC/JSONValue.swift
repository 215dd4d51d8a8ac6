import CSimdJSON
import Domain
import Ethereum

/// A value of the document that a `JSONReader` opened last.
struct JSONValue {
    let node: csj_node

    var isNull: Bool { csj_node_type(node) == CSJ_NULL }
    var isObject: Bool { csj_node_type(node) == CSJ_OBJECT }

    /// The member called `key`, nil if there is none or it is null.
    ///
    /// - Throws: `malformed` where the key stands twice, since nobody can know which one is meant.
    func member(_ key: StaticString) throws(RPCError) -> JSONValue? {
        var found = csj_node()
        let code = key.withUTF8Buffer { bytes in
            bytes.withMemoryRebound(to: CChar.self) { csj_node_member(node, $0.baseAddress, $0.count, &found) }
        }
        guard code != 2 else { throw .malformed("\(key) twice") }
        let value = JSONValue(node: found)
        return code == 0 && !value.isNull ? value : nil
    }

    /// The elements of an array; nil for anything else.
    var elements: [JSONValue]? {
        guard csj_node_type(node) == CSJ_ARRAY else { return nil }
        let count = csj_node_elements(node, nil, 0)
        let nodes = [csj_node](unsafeUninitializedCapacity: count) { buffer, filled in
            filled = min(csj_node_elements(node, buffer.baseAddress, count), count)
        }
        return nodes.map { JSONValue(node: $0) }
    }

    var string: String? {
        withString { String(decoding: $0, as: UTF8.self) }
    }

    var integer: Int? {
        var value: Int64 = 0
        return csj_node_integer(node, &value) ? Int(exactly: value) : nil
    }

    var number: Double? {
        var value = 0.0
        return csj_node_number(node, &value) ? value : nil
    }

    /// The value as JSON text, at most `limit` bytes of it.
    func text(limit: Int) -> String {
        let bytes = [CChar](unsafeUninitializedCapacity: limit) { buffer, count in
            count = csj_node_write(node, buffer.baseAddress, limit)
        }
        return String(decoding: bytes.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    // MARK: What Ethereum writes as strings

    /// A quantity of at most 64 bits, `0x` and digits.
    var quantity: UInt64? {
        withString { text in
            guard text.count > 2, text.count <= 66, text[0] == UInt8(ascii: "0"), text[1] == UInt8(ascii: "x") else {
                return nil
            }
            var value: UInt64 = 0
            for digit in text.dropFirst(2) {
                guard let nibble = Self.nibble(digit), value >> 60 == 0 else { return nil }
                value = value << 4 | UInt64(nibble)
            }
            return value
        } ?? nil
    }

    /// Bytes, `0x` and two digits each.
    var bytes: [UInt8]? {
        withString { text -> [UInt8]? in
            guard text.count >= 2, text.count % 2 == 0, text[0] == UInt8(ascii: "0"), text[1] == UInt8(ascii: "x")
            else { return nil }
            let count = text.count / 2 - 1
            var isHex = true
            let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
                filled = count
                let digits = UnsafeBufferPointer(rebasing: text.dropFirst(2))
                isHex =
                    count == 0
                    || digits.withMemoryRebound(to: CChar.self) {
                        csj_hex($0.baseAddress, $0.count, buffer.baseAddress)
                    }
                if !isHex { filled = 0 }
            }
            return isHex ? bytes : nil
        } ?? nil
    }

    var hash: Hash? { bytes.flatMap { Hash(bytes: $0) } }
    var address: Address? { bytes.flatMap { Address(bytes: $0) } }
    var blockNumber: BlockNumber? { quantity.flatMap { BlockNumber($0) } }

    /// Decodes a log of a receipt.
    func log() throws(RPCError) -> Log {
        var raw = csj_log()
        let fault = csj_node_log(node, &raw)
        guard fault == 0, let log = withUnsafePointer(to: raw, { Log($0) }) else {
            throw .malformed("a receipt's log: \(Log.reason(fault == 0 ? CSJ_LOG_DATA.rawValue : fault))")
        }
        return log
    }

    private func withString<Result>(_ body: (UnsafeBufferPointer<UInt8>) -> Result) -> Result? {
        var text: UnsafePointer<CChar>?
        var count = 0
        guard csj_node_string(node, &text, &count) else { return nil }
        return UnsafeBufferPointer(start: text, count: count).withMemoryRebound(to: UInt8.self, body)
    }

    private static func nibble(_ character: UInt8) -> UInt8? {
        switch character {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): character - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): character - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): character - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}

extension Log {
    /// The log that `raw` holds; nil if its data is no hexadecimal.
    init?(_ raw: UnsafePointer<csj_log>) {
        let count = Int(raw.pointee.data_digits) / 2
        var isHex = true
        let data =
            count == 0
            ? []
            : [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
                isHex = csj_hex(raw.pointee.data, Int(raw.pointee.data_digits), buffer.baseAddress)
                filled = isHex ? count : 0
            }
        guard isHex, let blockNumber = BlockNumber(raw.pointee.block_number) else { return nil }
        // The reader leaves what lies behind the topics zero.
        let words = raw.pointee.topics
        self.init(
            address: Address(words: (raw.pointee.address_high, raw.pointee.address_middle, raw.pointee.address_low)),
            topics: Topics(
                words: (Hash(words: words.0), Hash(words: words.1), Hash(words: words.2), Hash(words: words.3)),
                count: Int(raw.pointee.topic_count)),
            data: data, blockNumber: blockNumber, blockHash: Hash(words: raw.pointee.block_hash),
            transactionHash: Hash(words: raw.pointee.transaction_hash),
            transactionIndex: raw.pointee.transaction_index, logIndex: raw.pointee.log_index)
    }

    /// What the reader's `fault` means.
    static func reason(_ fault: UInt32) -> String {
        switch fault {
        case CSJ_LOG_NOT_OBJECT.rawValue: "not an object"
        case CSJ_LOG_ADDRESS.rawValue: "address is not 20 bytes"
        case CSJ_LOG_TOPICS.rawValue: "topics are not 0 to 4 words of 32 bytes"
        case CSJ_LOG_DATA.rawValue: "data is not bytes"
        case CSJ_LOG_BLOCK_NUMBER.rawValue: "blockNumber is not a quantity below 2^63"
        case CSJ_LOG_BLOCK_HASH.rawValue: "blockHash is not 32 bytes"
        case CSJ_LOG_TRANSACTION_HASH.rawValue: "transactionHash is not 32 bytes"
        case CSJ_LOG_TRANSACTION_INDEX.rawValue: "transactionIndex is not a quantity below 2^32"
        case CSJ_LOG_INDEX.rawValue: "logIndex is not a quantity below 2^32"
        case CSJ_LOG_DUPLICATE_KEY.rawValue: "a key stands twice"
        default: "malformed"
        }
    }
}
