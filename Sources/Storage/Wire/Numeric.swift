import Ethereum

/// PostgreSQL's binary form of `numeric`: a sign, a weight and digits to the base 10,000.
///
/// - SeeAlso: PostgreSQL, `numeric_send` and `numeric_recv`.
enum Numeric {
    static let longestText = 1000
    private static let negative: UInt16 = 0x4000

    /// Appends the binary form of decimal `text`; false, and nothing appended, where it is not a decimal number.
    static func append(_ text: String, to bytes: inout [UInt8]) -> Bool {
        var characters = Array(text.utf8)
        guard characters.count <= longestText else { return false }
        var sign: UInt16 = 0
        if let first = characters.first, first == UInt8(ascii: "-") || first == UInt8(ascii: "+") {
            if first == UInt8(ascii: "-") { sign = negative }
            characters.removeFirst()
        }
        let parts = characters.split(separator: UInt8(ascii: "."), maxSplits: 1, omittingEmptySubsequences: false)
        let whole = parts.first ?? []
        let fraction = parts.count == 2 ? parts[1] : []
        guard !whole.isEmpty, parts.count == 1 || !fraction.isEmpty, whole.allSatisfy(isDigit),
            fraction.allSatisfy(isDigit)
        else { return false }

        // Groups of four around the point: the whole part is filled up in front, the fraction behind.
        let front = (4 - whole.count % 4) % 4
        let back = (4 - fraction.count % 4) % 4
        var groups: [UInt16] = []
        var group: UInt16 = 0
        var filled = front
        for digit in whole + fraction + [UInt8](repeating: UInt8(ascii: "0"), count: back) {
            group = group * 10 + UInt16(digit - UInt8(ascii: "0"))
            filled += 1
            if filled == 4 {
                groups.append(group)
                (group, filled) = (0, 0)
            }
        }
        var weight = (front + whole.count) / 4 - 1
        let zeros = groups.prefix { $0 == 0 }.count
        groups.removeFirst(zeros)
        weight -= zeros
        while groups.last == 0 { groups.removeLast() }
        if groups.isEmpty { (weight, sign) = (0, 0) }

        bytes.append(bigEndian: Int16(groups.count))
        bytes.append(bigEndian: Int16(weight))
        bytes.append(bigEndian: sign)
        bytes.append(bigEndian: UInt16(fraction.count))
        for group in groups { bytes.append(bigEndian: group) }
        return true
    }

    /// Appends a field that holds `value`, behind its length.
    static func appendField(_ value: UInt64, to bytes: inout [UInt8]) {
        // Groups from the lowest on; 2^64 has five.
        var groups: (UInt16, UInt16, UInt16, UInt16, UInt16) = (0, 0, 0, 0, 0)
        var count = 0
        var rest = value
        withUnsafeMutableBytes(of: &groups) { buffer in
            while rest > 0 {
                buffer.storeBytes(of: UInt16(rest % 10_000), toByteOffset: 2 * count, as: UInt16.self)
                rest /= 10_000
                count += 1
            }
        }
        let zeros = withUnsafeBytes(of: groups) { buffer in
            (0..<count).prefix { buffer.load(fromByteOffset: 2 * $0, as: UInt16.self) == 0 }.count
        }
        bytes.append(bigEndian: Int32(8 + 2 * (count - zeros)))
        bytes.append(bigEndian: Int16(count - zeros))
        bytes.append(bigEndian: Int16(max(0, count - 1)))
        bytes.append(bigEndian: UInt16(0))
        bytes.append(bigEndian: UInt16(0))
        withUnsafeBytes(of: groups) { buffer in
            for index in stride(from: count - 1, through: zeros, by: -1) {
                bytes.append(bigEndian: buffer.load(fromByteOffset: 2 * index, as: UInt16.self))
            }
        }
    }

    private static func isDigit(_ character: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(character)
    }

    /// The decimal text of a binary numeric; nil for NaN, the infinities and what is not a numeric at all.
    static func text(_ bytes: UnsafeRawBufferPointer) -> String? {
        guard let parts = Parts(bytes) else { return nil }
        var text: [UInt8] = []
        if parts.isNegative { text.append(UInt8(ascii: "-")) }
        if parts.weight < 0 {
            text.append(UInt8(ascii: "0"))
        } else {
            for index in 0...parts.weight { append(parts.group(index), to: &text, leadingZeros: index > 0) }
        }
        if parts.scale > 0 {
            text.append(UInt8(ascii: "."))
            var fraction: [UInt8] = []
            var index = parts.weight + 1  // below 0 where zeros come before the first group
            while fraction.count < parts.scale {
                append(parts.group(index), to: &fraction, leadingZeros: true)
                index += 1
            }
            text.append(contentsOf: fraction.prefix(parts.scale))
        }
        return String(decoding: text, as: UTF8.self)
    }

    private static func append(_ group: UInt16, to text: inout [UInt8], leadingZeros: Bool) {
        let digits = Array(String(group).utf8)
        if leadingZeros { text.append(contentsOf: [UInt8](repeating: UInt8(ascii: "0"), count: 4 - digits.count)) }
        text.append(contentsOf: digits)
    }

    /// The sign and magnitude of a binary numeric; nil where it has a fraction or exceeds 256 bits.
    static func whole(_ bytes: UnsafeRawBufferPointer) -> (isNegative: Bool, magnitude: UInt256)? {
        guard let parts = Parts(bytes), parts.count <= max(0, parts.weight + 1), parts.weight < 20 else { return nil }
        guard parts.count > 0 else { return (false, .zero) }
        var value = UInt256.zero
        for index in 0...parts.weight {
            let (product, overflow) = value.multipliedReportingOverflow(by: 10_000 as UInt64)
            let (sum, carry) = product.addingReportingOverflow(UInt256(UInt64(parts.group(index))))
            guard !overflow, !carry else { return nil }
            value = sum
        }
        return (parts.isNegative, value)
    }

    /// The head of a binary numeric and a look at its groups.
    private struct Parts {
        let bytes: UnsafeRawBufferPointer
        let count: Int
        let weight: Int
        let isNegative: Bool
        let scale: Int

        init?(_ bytes: UnsafeRawBufferPointer) {
            guard let count = bytes.bigEndian(Int16.self), count >= 0, bytes.count == 8 + 2 * Int(count),
                let weight = bytes.bigEndian(Int16.self, at: 2), let sign = bytes.bigEndian(UInt16.self, at: 4),
                sign == 0 || sign == Numeric.negative, let scale = bytes.bigEndian(UInt16.self, at: 6)
            else { return nil }
            self.bytes = bytes
            self.count = Int(count)
            self.weight = Int(weight)
            isNegative = sign == Numeric.negative
            self.scale = Int(scale)
        }

        /// The group at `index`; zero outside those that are stored.
        func group(_ index: Int) -> UInt16 {
            index >= 0 && index < count ? bytes.bigEndian(UInt16.self, at: 8 + 2 * index) ?? 0 : 0
        }
    }
}
