import Ethereum
import Foundation
import TestSupport
import Testing

/// Schoolbook arithmetic on decimal digits, least significant first: slow, and nothing like what it checks.
private struct Digits: Equatable, CustomStringConvertible {
    var digits: [Int]

    init(_ text: String) { digits = text.reversed().map { $0.wholeNumberValue ?? 0 } }

    static func + (left: Digits, right: Digits) -> Digits {
        var result = Digits("")
        var carry = 0
        for index in 0..<max(left.digits.count, right.digits.count) + 1 {
            let sum = left[index] + right[index] + carry
            result.digits.append(sum % 10)
            carry = sum / 10
        }
        return result
    }

    static func * (left: Digits, right: Digits) -> Digits {
        var result = Digits("0")
        for (position, digit) in right.digits.enumerated() {
            var row = Digits("")
            row.digits = [Int](repeating: 0, count: position)
            var carry = 0
            for other in left.digits {
                let product = other * digit + carry
                row.digits.append(product % 10)
                carry = product / 10
            }
            row.digits.append(carry)
            result = result + row
        }
        return result
    }

    subscript(index: Int) -> Int { index < digits.count ? digits[index] : 0 }

    var description: String {
        let text = String(digits.reversed().map { Character("\($0)") }.drop { $0 == "0" })
        return text.isEmpty ? "0" : text
    }
}

/// 2^256 in decimal.
private let modulus = "115792089237316195423570985008687907853269984665640564039457584007913129639936"

@Suite("256-bit integers")
struct IntegerTests {
    @Test("sums, products and quotients are those of schoolbook arithmetic")
    func arithmetic() throws {
        var random = SeededGenerator.printed()
        for _ in 0..<1_500 {
            let (left, right) = (random.integer(), random.integer())
            let digits = (Digits(left.description), Digits(right.description))

            let sum = left.addingReportingOverflow(right)
            let wholeSum = digits.0 + digits.1
            #expect(sum.overflow == (UInt256(decimal: wholeSum.description) == nil))
            let restored = Digits(sum.partialValue.description) + Digits(sum.overflow ? modulus : "0")
            #expect(restored.description == wholeSum.description)
            let back = sum.partialValue.subtractingReportingOverflow(right)
            #expect(back.partialValue == left)
            #expect(back.overflow == sum.overflow)
            #expect(left.subtractingReportingOverflow(right).overflow == (left < right))

            let product = left.multipliedReportingOverflow(by: right)
            let wholeProduct = digits.0 * digits.1
            #expect(product.overflow == (UInt256(decimal: wholeProduct.description) == nil))
            if !product.overflow { #expect(product.partialValue.description == wholeProduct.description) }
            #expect(right.multipliedReportingOverflow(by: left).partialValue == product.partialValue)

            guard let divisor = (right >> Int.random(in: 192...255, using: &random)).uint64, divisor != 0 else {
                continue
            }
            let (quotient, remainder) = left.quotientAndRemainder(dividingBy: divisor)
            #expect(remainder < divisor)
            let product2 = quotient.multipliedReportingOverflow(by: divisor)
            #expect(!product2.overflow)
            #expect(product2.partialValue.addingReportingOverflow(UInt256(remainder)).partialValue == left)
        }
    }

    @Test("text, words and bytes lead back to the integer")
    func forms() throws {
        var random = SeededGenerator.printed()
        for _ in 0..<5_000 {
            let value = random.integer()
            #expect(UInt256(decimal: value.description) == value)
            #expect(UInt256(decimal: "00" + value.description) == (value.description.count <= 76 ? value : nil))
            #expect(try UInt256(hex: value.hexQuantity) == value)
            #expect(try UInt256(hex: value.word.description) == value)
            #expect(UInt256(value.word) == value)
            let signed = Int256(bits: value)
            #expect(Int256(decimal: signed.description) == signed)
            #expect(Int256(isNegative: signed.isNegative, magnitude: signed.magnitude) == signed)
            #expect(value.bitWidth <= 256 && value >> value.bitWidth == .zero)
            #expect(value.isZero || value >> (value.bitWidth - 1) == UInt256(1))
        }
    }

    @Test("shifts are products and quotients of powers of two")
    func shifts() {
        var random = SeededGenerator.printed()
        for _ in 0..<2_000 {
            let value = random.integer()
            let count = Int.random(in: 0...63, using: &random)
            #expect(value << count == value.multipliedReportingOverflow(by: 1 << UInt64(count)).partialValue)
            #expect(value >> count == value.quotientAndRemainder(dividingBy: 1 << UInt64(count)).quotient)
            let far = Int.random(in: 0...300, using: &random)
            #expect(((value << far) >> far == value) == (value.isZero || value.bitWidth + far <= 256))
            #expect(value << -far == value >> far)
            #expect((value >> far).bitWidth == max(0, value.bitWidth - far))
        }
        #expect(UInt256.max << .min == .zero)
        #expect(UInt256.max >> .min == .zero)
        #expect(UInt256.max << 256 == .zero)
        #expect((UInt256(1) << 255) >> 255 == UInt256(1))
    }

    @Test("the largest values hold")
    func extremes() throws {
        #expect(UInt256.max.description == String(modulus.dropLast()) + "5")
        #expect(UInt256(decimal: modulus) == nil)
        #expect(UInt256(decimal: String(repeating: "9", count: 78)) == nil)
        #expect(UInt256(decimal: String(repeating: "0", count: 79)) == nil)
        #expect(throws: HexError.overflow) { try UInt256(hex: "0x1" + String(repeating: "0", count: 64)) }
        #expect(UInt256.max.addingReportingOverflow(UInt256(1)) == (.zero, true))
        #expect(UInt256.zero.subtractingReportingOverflow(UInt256(1)) == (.max, true))
        #expect(UInt256.max.multipliedReportingOverflow(by: .max).overflow)
        #expect(
            Int256.min.description == "-57896044618658097711785492504343953926634992332820282019728792003956564819968")
        #expect(
            Int256.max.description == "57896044618658097711785492504343953926634992332820282019728792003956564819967")
        #expect(Int256.min.magnitude == UInt256(1) << 255)
        #expect(Int256(decimal: "57896044618658097711785492504343953926634992332820282019728792003956564819968") == nil)
        #expect(Int256(isNegative: true, magnitude: UInt256(1) << 255) == .min)
        #expect(Int256(isNegative: true, magnitude: .zero) == .zero)
        #expect(Int256.max.addingReportingOverflow(Int256(1)) == (.min, true))
        #expect(Int256.min.subtractingReportingOverflow(Int256(1)) == (.max, true))
        #expect(Int256.min.multipliedReportingOverflow(by: Int256(-1)).overflow)
        #expect(Int256.min < Int256(-1) && Int256(-1) < .zero && .zero < Int256.max)
    }

    @Test(
        "refuses other texts",
        arguments: ["", "-", "+1", "-1", " 1", "1 ", "0x1", "1.0", "1e3", "\u{0661}", "1_000", "१"])
    func malformed(_ text: String) { #expect(UInt256(decimal: text) == nil) }

    @Test("signed arithmetic is that of 64-bit integers, carried on")
    func signed() {
        var random = SeededGenerator.printed()
        for _ in 0..<5_000 {
            let left = Int64.random(in: .min ... .max, using: &random) >> Int.random(in: 0...63, using: &random)
            let right = Int64.random(in: .min ... .max, using: &random) >> Int.random(in: 0...63, using: &random)
            let (a, b) = (Int256(left), Int256(right))
            #expect(a.int64 == left)
            #expect((a < b) == (left < right))
            #expect(a.addingReportingOverflow(b).partialValue.description == String(Int128(left) + Int128(right)))
            #expect(a.subtractingReportingOverflow(b).partialValue.description == String(Int128(left) - Int128(right)))
            #expect(
                a.multipliedReportingOverflow(by: b).partialValue.description == String(Int128(left) * Int128(right)))
            #expect(!a.multipliedReportingOverflow(by: b).overflow)
            let width = 65 - (left < 0 ? ~left : left).leadingZeroBitCount
            #expect(a.bitWidth == width)
        }
    }

    @Test("JSON has integers as decimal strings, and takes numbers too")
    func json() throws {
        let encoder = JSONEncoder()
        let decoder = JSONDecoder()
        #expect(String(decoding: try encoder.encode([UInt256.max]), as: UTF8.self) == "[\"\(UInt256.max)\"]")
        #expect(String(decoding: try encoder.encode([Int256.min]), as: UTF8.self) == "[\"\(Int256.min)\"]")
        #expect(
            try decoder.decode([UInt256].self, from: Data("[42, \"43\", 18446744073709551616]".utf8)) == [
                UInt256(42), UInt256(43), UInt256(1) << 64,
            ])
        #expect(
            try decoder.decode([Int256].self, from: Data("[-42, \"-43\", 18446744073709551616]".utf8)) == [
                Int256(-42), Int256(-43), Int256(bits: UInt256(1) << 64),
            ])
        for text in ["[-1]", "[1.5]", "[\"-1\"]", "[\"\"]", "[null]", "[true]", "[\"\(modulus)\"]"] {
            #expect(throws: (any Error).self) { try decoder.decode([UInt256].self, from: Data(text.utf8)) }
        }
    }
}
