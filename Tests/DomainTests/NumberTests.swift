import Domain
import Ethereum
import TestSupport
import Testing

@Suite("Exact numbers")
struct NumberTests {
    @Test(
        "reads decimal text and writes the shortest",
        arguments: [
            ("0", "0"), ("-0", "0"), ("-0.000", "0"), ("+7", "7"), ("007", "7"), ("1.10", "1.1"), ("100", "100"),
            ("0.1", "0.1"), ("-0.05", "-0.05"), ("12.000", "12"), ("-3.2", "-3.2"),
            ("0.000000000000000001", "0.000000000000000001"),
            (
                "115792089237316195423570985008687907853269984665640564039457584007913129639935",
                "115792089237316195423570985008687907853269984665640564039457584007913129639935"
            ),
            (
                "1.15792089237316195423570985008687907853269984665640564039457584007913129639935",
                "1.15792089237316195423570985008687907853269984665640564039457584007913129639935"
            ),
        ] as [(String, String)])
    func text(_ text: String, _ canonical: String) throws {
        let number = try #require(Number(decimal: text))
        #expect(number.description == canonical)
        #expect(Number(decimal: canonical) == number)
    }

    @Test(
        "refuses other text",
        arguments: [
            "", "-", "+", ".", "1.", ".5", "--1", "+-1", "1.2.3", "1e3", "0x10", " 1", "1 ", "1,5", "1_000", "NaN", "١",
            "1.٥",
            "1.-5", "115792089237316195423570985008687907853269984665640564039457584007913129639936",
            "1.157920892373161954235709850086879078532699846656405640394575840079131296399350",
            "0." + String(repeating: "0", count: 77) + "1", String(repeating: "0", count: 79), "\u{0}", "1\u{0}",
        ])
    func malformed(_ text: String) { #expect(Number(decimal: text) == nil) }

    @Test("numbers of equal value are equal, hash alike, and have one form")
    func canonical() {
        var random = SeededGenerator.printed()
        for _ in 0..<2_000 {
            let number = random.number()
            let places = UInt8.random(in: 0...20, using: &random)
            var magnitude = number.magnitude
            var fits = true
            for _ in 0..<places {
                let (product, overflow) = magnitude.multipliedReportingOverflow(by: 10)
                (magnitude, fits) = (product, fits && !overflow)
            }
            guard fits else { continue }
            let longer = Number(isNegative: number.isNegative, magnitude: magnitude, scale: number.scale + places)
            #expect(
                longer == number && longer.hashValue == number.hashValue && !(longer < number) && !(number < longer))
            #expect(longer.description == number.description)
        }
    }

    @Test("order is exact and total")
    func order() {
        var random = SeededGenerator.printed()
        for _ in 0..<5_000 {
            let (left, right, other) = (random.number(), random.number(), random.number())
            #expect([left < right, left == right, right < left].count { $0 } == 1)
            #expect(!(left < right && right < other) || left < other)
            #expect((left < right) == left.isBelowByDigits(right), "\(left) \(right)")
            // A neighbour at the last place is told apart.
            let (next, overflow) = left.magnitude.addingReportingOverflow(UInt256(1))
            let neighbour = Number(isNegative: left.isNegative, magnitude: next, scale: left.scale)
            #expect(overflow || (left < neighbour) != left.isNegative || left == .zero)
            #expect(overflow || left != neighbour)
        }
    }

    @Test("the outermost numbers compare without loss")
    func extremes() throws {
        let huge = Number(UInt256.max)
        let almost = try #require(
            Number(decimal: "115792089237316195423570985008687907853269984665640564039457584007913129639934"))
        let tiny = Number(magnitude: UInt256(1), scale: .max)
        #expect(almost < huge && tiny < almost && .zero < tiny && tiny < huge)
        #expect(
            Number(isNegative: true, magnitude: .max) < Number(isNegative: true, magnitude: UInt256(1), scale: .max))
        #expect(Number(Int256.min) < Number(Int64.min) && Number(Int64.min) < Number(-1) && Number(-1) < Number.zero)
        #expect(Number(Int256.min).description == Int256.min.description)
        #expect(tiny.description == "0." + String(repeating: "0", count: 254) + "1")
    }

    @Test("integers keep their value")
    func integers() {
        for value in [Int64.min, -1, 0, 1, 42, .max] {
            #expect(Number(value).int64 == value)
            #expect(Number(value).description == String(value))
        }
        #expect(Number(UInt64.max).uint64 == .max)
        #expect(Number(UInt64.max).int64 == nil)
        #expect(Number(-1).uint64 == nil)
        #expect(Number(UInt256.max).uint64 == nil)
        #expect(Number(magnitude: UInt256(15), scale: 1).int64 == nil)
        #expect(Number(magnitude: UInt256(150), scale: 1).int64 == 15)
    }
}

extension Number {
    /// Compares digit by digit in decimal text: slow, and nothing like what it checks.
    fileprivate func isBelowByDigits(_ other: Number) -> Bool {
        func parts(_ number: Number) -> (whole: String, fraction: String) {
            let text = number.description.drop { $0 == "-" }
            let parts = text.split(separator: ".")
            let whole = String(repeating: "0", count: 300 - parts[0].count) + parts[0]
            let fraction = parts.count == 2 ? String(parts[1]) : ""
            return (whole, fraction + String(repeating: "0", count: 300 - fraction.count))
        }
        if isNegative != other.isNegative { return isNegative }
        let (left, right) = (parts(self), parts(other))
        return isNegative
            ? (right.whole + right.fraction) < (left.whole + left.fraction)
            : (left.whole + left.fraction) < (right.whole + right.fraction)
    }
}

extension SeededGenerator {
    /// A number of any width and scale, often close to others.
    fileprivate mutating func number() -> Number {
        let width =
            Bool.random(using: &self) ? Int.random(in: 0...8, using: &self) : Int.random(in: 0...256, using: &self)
        let word = Hash(bytes: bytes(32)) ?? .zero
        let scale: UInt8 = Bool.random(using: &self) ? 0 : UInt8.random(in: 0...77, using: &self)
        return Number(
            isNegative: Bool.random(using: &self), magnitude: UInt256(word) >> (256 - width), scale: scale)
    }
}
