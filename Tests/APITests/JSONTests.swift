import Domain
import Foundation
import Testing

@testable import API

@Suite("JSON")
struct JSONTests {
    /// A document of at most `depth` levels below this one.
    private static func document(_ depth: Int, _ random: inout SplitMix) -> JSON {
        switch Int.random(in: 0..<(depth > 0 ? 8 : 6), using: &random) {
        case 0: .null
        case 1: .boolean(.random(using: &random))
        case 2: .number(Decimal(Int64.random(in: .min ... .max, using: &random)))
        case 3:
            .number(
                Decimal(Int64.random(in: -999_999_999...999_999_999, using: &random))
                    / Decimal(sign: .plus, exponent: Int.random(in: 0...9, using: &random), significand: 1))
        case 4, 5: .string(text(&random))
        case 6:
            .array((0..<Int.random(in: 0...4, using: &random)).map { _ in document(depth - 1, &random) })
        default:
            .object(
                Dictionary(
                    (0..<Int.random(in: 0...4, using: &random)).map { _ in (text(&random), document(depth - 1, &random))
                    }
                ) { first, _ in first })
        }
    }

    private static func text(_ random: inout SplitMix) -> String {
        var scalars = String.UnicodeScalarView()
        for _ in 0..<Int.random(in: 0...6, using: &random) {
            let bound: UInt32 = [0x20, 0x80, 0x800, 0x11_0000].randomElement(using: &random) ?? 0x80
            scalars.append(Unicode.Scalar(UInt32.random(in: 0..<bound, using: &random)) ?? "\u{fffd}")
        }
        return String(scalars)
    }

    @Test("reads what it wrote, and agrees with Foundation")
    func roundTrip() throws {
        let seed = UInt64.random(in: .min ... .max)
        print("seed \(seed)")
        var random = SplitMix(state: seed)
        for _ in 0..<2000 {
            let document = Self.document(5, &random)
            let text = JSONWriter.text(of: document)
            #expect(try JSONReader.read(Array(text.utf8)) == document, "\(text)")
            #expect(try JSON(parsing: Array(text.utf8)) == document, "\(text)")
        }
    }

    @Test("never traps on broken documents, and takes none that Foundation refuses")
    func mutations() throws {
        let seed = UInt64.random(in: .min ... .max)
        print("seed \(seed)")
        var random = SplitMix(state: seed)
        for _ in 0..<5000 {
            var bytes = Array(JSONWriter.text(of: Self.document(4, &random)).utf8)
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                let place = Int.random(in: 0...bytes.count, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0 where place < bytes.count: bytes.remove(at: place)
                case 1 where place < bytes.count: bytes[place] = .random(in: .min ... .max, using: &random)
                default:
                    bytes.insert(
                        "{}[]\",:\\0123456789-+eE.tfn \u{7f}".utf8.randomElement(using: &random) ?? 0, at: place)
                }
            }
            if (try? JSONReader.read(bytes)) != nil {
                #expect((try? JSON(parsing: bytes)) != nil, "\(String(decoding: bytes, as: UTF8.self))")
            }
        }
    }

    @Test(
        "keeps numbers exactly or refuses them",
        arguments: [
            ("0", "0"), ("-0", "0"), ("1e3", "1000"), ("1.50", "1.5"), ("-12.5E-1", "-1.25"),
            ("12345678901234567890123456789012345678", "12345678901234567890123456789012345678"),
            ("123456789012345678901234567890123456789", nil), ("1e999", nil), ("1e1000", nil), ("1e-999", nil),
            ("0e999", "0"), ("00", nil), ("1.", nil), (".5", nil), ("+1", nil), ("1e", nil), ("0x1", nil),
        ] as [(String, String?)])
    func numbers(text: String, value: String?) {
        let read = try? JSONReader.read(Array(text.utf8))
        #expect(read == value.flatMap { Decimal(string: $0) }.map(JSON.number))
    }

    @Test(
        "writes times in UTC",
        arguments: [
            (0, "1970-01-01T00:00:00Z"), (951_782_399, "2000-02-28T23:59:59Z"), (951_782_400, "2000-02-29T00:00:00Z"),
            (4_107_542_399, "2100-02-28T23:59:59Z"), (4_107_542_400, "2100-03-01T00:00:00Z"),
            (-1, "1969-12-31T23:59:59Z"), (1_700_000_000, "2023-11-14T22:13:20Z"),
        ] as [(Int64, String)])
    func times(seconds: Int64, text: String) {
        #expect(Timestamp(seconds: seconds).description == text)
        #expect(Timestamp(Date(timeIntervalSince1970: TimeInterval(seconds) + 0.5)).description == text)
        let milliseconds = Timestamp(Date(timeIntervalSince1970: TimeInterval(seconds) + 0.25), .milliseconds)
        #expect(milliseconds.description == text.dropLast() + ".250Z")
    }
}

/// A small generator that a seed repeats.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}
