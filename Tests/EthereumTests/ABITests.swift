import Ethereum
import TestSupport
import Testing

@Suite("ABI on hostile bytes")
struct ABITests {
    @Test("whatever is encoded decodes to the same")
    func roundTrip() throws {
        var random = SeededGenerator.printed()
        for _ in 0..<3_000 {
            let types = (0..<Int.random(in: 0...5, using: &random)).map { _ in ABIType.random(depth: 0, using: &random)
            }
            let values = types.map { $0.randomValue(using: &random) }
            let data = try ABI.encode(values, as: types)
            #expect(data.count.isMultiple(of: 32))
            #expect(try ABI.decode(types, from: data) == values)
            #expect(try ABI.decode(types, from: data + [UInt8](repeating: 0xff, count: 64)) == values)
            for type in types { #expect(ABIType(type.description) == type) }
        }
    }

    @Test("random bytes give values or an error")
    func randomBytes() {
        var random = SeededGenerator.printed()
        var outcomes = (values: 0, errors: 0)
        for _ in 0..<120_000 {
            let types = (0..<Int.random(in: 1...4, using: &random)).map { _ in ABIType.random(depth: 0, using: &random)
            }
            let data = random.words(Int.random(in: 0...12, using: &random))
            do {
                let values = try ABI.decode(types, from: data)
                // What decodes is a value of its types, so it can be written again and reads as itself.
                let again = try ABI.encode(values, as: types)
                #expect(try ABI.decode(types, from: again) == values)
                outcomes.values += 1
            } catch { outcomes.errors += 1 }
        }
        #expect(outcomes.values > 1_000 && outcomes.errors > 1_000)
    }

    @Test("one changed byte gives values or an error")
    func mutations() throws {
        var random = SeededGenerator.printed()
        for _ in 0..<20_000 {
            let types = (0..<Int.random(in: 1...3, using: &random)).map { _ in ABIType.random(depth: 0, using: &random)
            }
            var data = try ABI.encode(types.map { $0.randomValue(using: &random) }, as: types)
            guard let index = data.indices.randomElement(using: &random) else { continue }
            data[index] = UInt8.random(in: .min ... .max, using: &random)
            if Bool.random(using: &random) { data.removeLast(Int.random(in: 0...min(64, data.count), using: &random)) }
            _ = try? ABI.decode(types, from: data)
            _ = RevertReason.decode(data)
        }
    }

    @Test("shared tails do not multiply")
    func amplification() throws {
        // Seven levels of arrays, each of 100 elements that are all the same next level: 100^7 values if followed.
        let type = try #require(ABIType("uint256[][][][][][][]"))
        let width: UInt64 = 100
        var words: [UInt64] = [32]
        for _ in 0..<6 {
            words.append(width)
            words += [UInt64](repeating: width * 32, count: Int(width))
        }
        words.append(width)
        words += [UInt64](repeating: 7, count: Int(width))
        let data = words.flatMap { UInt256($0).word.bytes }
        #expect(throws: ABIError.amplified) { try ABI.decode([type], from: data) }
    }

    @Test(
        "sizes as large as an attacker likes are refused before anything is made",
        arguments: ["bytes", "string", "uint8[]", "string[]", "(string,uint8)[]", "bytes32[]"])
    func hugeSizes(_ name: String) throws {
        let type = try #require(ABIType(name))
        let huge: [UInt256] = [
            .max, UInt256(1) << 255, UInt256(1) << 64, UInt256(.max), UInt256(UInt64(Int64.max)), UInt256(1 << 62),
            UInt256(65),
        ]
        for size in huge {
            let word = size.word.bytes
            let offset = UInt256(32).word.bytes
            #expect(throws: ABIError.self) { try ABI.decode([type], from: offset + word + word) }
            #expect(throws: ABIError.self) { try ABI.decode([type], from: word + offset + word) }
        }
    }

    @Test(
        "reads canonical types alone",
        arguments: [
            "", "uint", "int", "uint7", "uint0", "uint264", "uint08", "int-8", "bytes0", "bytes33", "bytes032", "byte",
            "string ", " string", "(", ")", "()", "(string", "(string,)", "(,string)", "string[", "string]",
            "string[0]",
            "string[-1]", "string[01]", "string[1025]", "string[]]", "address[][][][][][][][][]", "fixed128x18",
            "\u{130}nt8",
            "((((((((((string))))))))))",
        ])
    func malformedType(_ text: String) { #expect(ABIType(text) == nil) }

    @Test(
        "reads canonical signatures alone",
        arguments: [
            "", "ownerOf", "ownerOf(", "ownerOf()x", "(uint256)", "1of(uint256)", "owner of(uint256)", "f(uint)",
            "f(uint256,)",
        ])
    func malformedSignature(_ text: String) {
        #expect(throws: ABIError.badSignature(text)) { try ABIFunction(text) }
    }

    @Test("values of other types are not encoded")
    func mismatches() {
        #expect(throws: ABIError.mismatch(type: "ownerOf(uint256)")) { try ABI.encodeCall("ownerOf(uint256)", []) }
        #expect(throws: ABIError.mismatch(type: "uint256")) { try ABI.encodeCall("ownerOf(uint256)", [.bool(true)]) }
        #expect(throws: ABIError.outOfRange(type: "uint8")) { try ABI.encodeCall("f(uint8)", [.uint(256)]) }
        #expect(throws: ABIError.outOfRange(type: "int8")) { try ABI.encodeCall("f(int8)", [.int(Int256(128))]) }
        #expect(throws: ABIError.mismatch(type: "bytes4")) { try ABI.encodeCall("f(bytes4)", [.fixedBytes([1])]) }
        #expect(throws: ABIError.mismatch(type: "bool[2]")) {
            try ABI.encodeCall("f(bool[2])", [.array([.bool(true)])])
        }
    }
}

extension ABIType {
    /// A random type, less nested the deeper it stands.
    static func random(depth: Int, using random: inout SeededGenerator) -> ABIType {
        switch Int.random(in: 0..<(depth < 3 ? 10 : 7), using: &random) {
        case 0: return .uint(bits: 8 * Int.random(in: 1...32, using: &random))
        case 1: return .int(bits: 8 * Int.random(in: 1...32, using: &random))
        case 2: return .address
        case 3: return .bool
        case 4: return .fixedBytes(Int.random(in: 1...32, using: &random))
        case 5: return .bytes
        case 6: return .string
        case 7: return .array(.random(depth: depth + 1, using: &random))
        case 8:
            return .fixedArray(.random(depth: depth + 1, using: &random), count: Int.random(in: 1...3, using: &random))
        default:
            let count = Int.random(in: 1...3, using: &random)
            return .tuple((0..<count).map { _ in .random(depth: depth + 1, using: &random) })
        }
    }

    /// A random value of the type.
    func randomValue(using random: inout SeededGenerator) -> ABIValue {
        switch self {
        case .uint(let bits): return .uint(random.integer() >> (256 - bits))
        case .int(let bits):
            let magnitude = random.integer() >> (257 - bits)
            return .int(Int256(isNegative: Bool.random(using: &random), magnitude: magnitude) ?? .zero)
        case .address: return .address(Address(bytes: random.bytes(20)) ?? .zero)
        case .bool: return .bool(Bool.random(using: &random))
        case .fixedBytes(let count): return .fixedBytes(random.bytes(count))
        case .bytes: return .bytes(random.bytes(Int.random(in: 0...70, using: &random)))
        case .string:
            return .string(String(decoding: random.bytes(Int.random(in: 0...40, using: &random)), as: UTF8.self))
        case .array(let element):
            return .array((0..<Int.random(in: 0...3, using: &random)).map { _ in element.randomValue(using: &random) })
        case .fixedArray(let element, let count):
            return .array((0..<count).map { _ in element.randomValue(using: &random) })
        case .tuple(let types): return .tuple(types.map { $0.randomValue(using: &random) })
        }
    }
}

extension SeededGenerator {
    /// Words that look like heads: mostly small multiples of 32 and small numbers, now and then anything.
    mutating func words(_ count: Int) -> [UInt8] {
        (0..<count).flatMap { _ in
            switch Int.random(in: 0..<8, using: &self) {
            case 0: bytes(32)
            case 1: UInt256.max.word.bytes
            case 2: integer().word.bytes
            case 3, 4: UInt256(UInt64.random(in: 0...3, using: &self)).word.bytes
            default: UInt256(32 * UInt64.random(in: 0...12, using: &self)).word.bytes
            }
        }
    }
}
