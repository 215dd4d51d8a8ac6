import Conditions
import Domain
import Ethereum
import Foundation
import TestSupport
import Testing

/// One comparison of one field with one value of it.
struct Case: CustomTestStringConvertible, Sendable {
    let field: String
    let `operator`: String
    let operand: JSON?
    let event: [String: String]
    let holds: Bool
    var config: JSON?

    init(_ field: String, _ operator: String, _ operand: JSON?, _ value: String, _ holds: Bool, in type: String) {
        self.field = field
        self.operator = `operator`
        self.operand = operand
        event = ["event_type": type, field: value]
        self.holds = holds
    }

    var testDescription: String { "\(field) \(`operator`) \(operand?.text ?? "") on \(event)" }

    func check() throws {
        let conditions = try ConditionSet(.event(field, `operator`, operand, config: config))
        #expect(conditions.matches(try Sample.event(event)) == holds)
    }
}

private let highest = "115792089237316195423570985008687907853269984665640564039457584007913129639935"
private let belowHighest = "115792089237316195423570985008687907853269984665640564039457584007913129639934"
private let int128Max = "170141183460469231731687303715884105727"
private let int128Min = "-170141183460469231731687303715884105728"
private let precomposed = "caf\u{e9}"
private let decomposed = "cafe\u{301}"
private let alice = "0x8004A169FB4a3325136EB29fA0ceB6D2e539a432"
private let bob = "0x9ce7082814bDA389F3ba548BDf2626006279569c"
private let someHash = "0x2ac6109326e720d1435c0db66f7e35eda7839f52b6f1f5520a60788e132b4e39"

@Suite("Operators")
struct OperatorTests {
    @Test(
        "compare whole numbers exactly up to 2^256 - 1",
        arguments: [
            Case("agent_id", "equals", "42", "42", true, in: "Registered"),
            Case("agent_id", "equals", .number(42), "42", true, in: "Registered"),
            Case("agent_id", "=", "42", "43", false, in: "Registered"),
            Case("agent_id", "==", "042", "42", true, in: "Registered"),
            Case("agent_id", "equals", .string(highest), highest, true, in: "Registered"),
            Case("agent_id", "equals", .string(highest), belowHighest, false, in: "Registered"),
            Case("agent_id", "gt", .string(belowHighest), highest, true, in: "Registered"),
            Case("agent_id", ">=", .string(highest), belowHighest, false, in: "Registered"),
            Case("agent_id", "not_equals", "1", "2", true, in: "Registered"),
            Case("agent_id", "!=", "2", "2", false, in: "Registered"),
            Case("agent_id", "!=", .string(highest), belowHighest, true, in: "Registered"),
            Case("agent_id", ">", "9", "10", true, in: "Registered"),
            Case("agent_id", ">", "10", "10", false, in: "Registered"),
            Case("agent_id", "gte", "10", "10", true, in: "Registered"),
            Case("agent_id", "<", "10", "9", true, in: "Registered"),
            Case("agent_id", "lt", "18446744073709551616", "18446744073709551615", true, in: "Registered"),
            Case("agent_id", "<=", "10", "10", true, in: "Registered"),
            Case("agent_id", "lte", "10", "11", false, in: "Registered"),
            Case("agent_id", "between", ["10", .number(20)], "10", true, in: "Registered"),
            Case("agent_id", "between", ["10", "20"], "20", true, in: "Registered"),
            Case("agent_id", "between", ["10", "20"], "21", false, in: "Registered"),
            Case("agent_id", "between", ["0", .string(highest)], highest, true, in: "Registered"),
            Case("agent_id", "in", ["1", .number(2), .string(highest)], highest, true, in: "Registered"),
            Case("agent_id", "in", ["1", "2"], "3", false, in: "Registered"),
            Case("agent_id", "not_in", ["1", "2"], "3", true, in: "Registered"),
            Case("agent_id", "not_in", ["1", "2"], "2", false, in: "Registered"),
            Case("agent_id", "exists", nil, "0", true, in: "Registered"),
            Case("agent_id", "not_exists", nil, "0", false, in: "Registered"),
            Case("response", "equals", "0", "0", true, in: "ValidationResponse"),
        ])
    func wholeNumbers(_ table: Case) throws { try table.check() }

    @Test(
        "compare signed numbers at the ends of int128",
        arguments: [
            Case("value", "equals", .string(int128Min), int128Min, true, in: "NewFeedback"),
            Case("value", "gte", .string(int128Min), int128Min, true, in: "NewFeedback"),
            Case("value", "lt", .string(int128Min), int128Min, false, in: "NewFeedback"),
            Case(
                "value", "gt", .string(int128Min), "-170141183460469231731687303715884105727", true, in: "NewFeedback"),
            Case("value", "equals", .string(int128Max), int128Max, true, in: "NewFeedback"),
            Case("value", "gt", "0", int128Min, false, in: "NewFeedback"),
            Case("value", "<", .number(0), "-1", true, in: "NewFeedback"),
            Case("value", "between", [.number(-5), .number(5)], "-5", true, in: "NewFeedback"),
            Case("value", "equals", "-0", "0", true, in: "NewFeedback"),
        ])
    func signedNumbers(_ table: Case) throws { try table.check() }

    @Test(
        "compare a score with its decimals applied",
        arguments: [
            ("equals", "123.45", "12345", "2", true), ("equals", "123.450", "12345", "2", true),
            ("equals", "123.45", "12345", "3", false), ("gt", "123.449999999999999999", "12345", "2", true),
            ("lt", "0.1", "99999999999999999", "18", true), ("gte", "0.1", "100000000000000000", "18", true),
            ("between", "", "12345", "2", true), ("equals", "-0.5", "-5", "1", true), ("gt", "-1", "-5", "1", true),
            ("equals", "12345", "12345", "0", true), ("gte", "80", "80", "0", true), ("gte", "80", "7999", "2", false),
            // More decimals than the contract allows: there is no score, so nothing but not_exists holds.
            ("gt", "-1", "12345", "19", false), ("not_equals", "1", "12345", "19", false),
        ] as [(String, String, String, String, Bool)])
    func scores(_ name: String, _ operand: String, _ value: String, _ decimals: String, _ holds: Bool) throws {
        let operand: JSON = name == "between" ? ["123.4", "123.5"] : .string(operand)
        let event = try Sample.event(["event_type": "NewFeedback", "value": value, "value_decimals": decimals])
        #expect(try ConditionSet(.event("score", name, operand)).matches(event) == holds)
    }

    @Test("compare the 0 to 100 score of older layouts")
    func olderScore() throws {
        let event = try Sample.event([
            "event_type": "NewFeedback",
            "layout": "NewFeedback(uint256,address,uint64,uint8,string,string,string,string",
            "score": "87",
        ])
        #expect(try ConditionSet(.event("score", "gte", "87")).matches(event))
        #expect(try !ConditionSet(.event("score", "gt", "87")).matches(event))
        #expect(try !ConditionSet(.event("value", "gte", "0")).matches(event))
    }

    @Test(
        "compare text by code points",
        arguments: [
            Case("tag1", "equals", "quality", "quality", true, in: "NewFeedback"),
            Case("tag1", "equals", "quality", "Quality", false, in: "NewFeedback"),
            Case("tag1", "equals", "", "", true, in: "NewFeedback"),
            Case("tag1", "equals", .string(precomposed), precomposed, true, in: "NewFeedback"),
            Case("tag1", "equals", .string(precomposed), decomposed, false, in: "NewFeedback"),
            Case("tag1", "not_equals", .string(precomposed), decomposed, true, in: "NewFeedback"),
            Case("tag1", "in", [.string(precomposed)], decomposed, false, in: "NewFeedback"),
            Case("tag1", "in", ["a", .string(decomposed)], decomposed, true, in: "NewFeedback"),
            Case("tag1", "not_in", [.string(precomposed)], decomposed, true, in: "NewFeedback"),
            Case("tag1", "contains", "\u{301}", decomposed, true, in: "NewFeedback"),
            Case("tag1", "contains", "\u{301}", precomposed, false, in: "NewFeedback"),
            Case("tag1", "starts_with", "cafe", decomposed, true, in: "NewFeedback"),
            Case("tag1", "starts_with", "cafe", precomposed, false, in: "NewFeedback"),
            Case("tag1", "ends_with", "ty", "quality", true, in: "NewFeedback"),
            Case("tag1", "ends_with", "quality!", "quality", false, in: "NewFeedback"),
            Case("tag1", "not_contains", "x", "quality", true, in: "NewFeedback"),
            Case("tag1", "not_contains", "lit", "quality", false, in: "NewFeedback"),
            Case("tag1", "contains", "a\u{0}b", "xa\u{0}by", true, in: "NewFeedback"),
            Case("tag1", "equals", "a", "a\u{0}", false, in: "NewFeedback"),
            Case("tag1", "matches", "^q.*y$", "quality", true, in: "NewFeedback"),
            Case("tag1", "matches", "ual", "quality", true, in: "NewFeedback"),
            Case("tag1", "matches", "^caf.$", precomposed, true, in: "NewFeedback"),
            Case("tag1", "matches", "^caf.$", decomposed, false, in: "NewFeedback"),
            Case("tag1", "matches", "^$", "", true, in: "NewFeedback"),
            Case("tag1", "exists", nil, "", true, in: "NewFeedback"),
        ])
    func text(_ table: Case) throws { try table.check() }

    @Test(
        "fold case by code points where asked",
        arguments: [
            ("equals", "STRASSE", "strasse", true), ("equals", "straße", "STRASSE", false), ("equals", "ẞ", "ß", true),
            ("equals", "ΣΊΣΥΦΟΣ", "σίσυφος", true), ("equals", "K", "\u{212a}", true), ("equals", "İ", "i", false),
            ("equals", "ı", "I", false), ("equals", "É", "e\u{301}", false), ("equals", "É", "é", true),
            ("contains", "AB", "xxabyy", true), ("contains", "aab", "AAAB", true), ("contains", "abc", "ab", false),
            ("not_contains", "AB", "xxabyy", false), ("starts_with", "QU", "quality", true),
            ("ends_with", "TY", "quality", true), ("ends_with", "xquality", "quality", false),
            ("not_equals", "A", "a", false), ("matches", "^QUAL", "quality", true), ("equals", "ab", "a", false),
            ("equals", "a", "ab", false), ("starts_with", "ab", "A", false),
        ] as [(String, String, String, Bool)])
    func folding(_ name: String, _ operand: String, _ value: String, _ holds: Bool) throws {
        let conditions = try ConditionSet(
            .event("tag1", name, .string(operand), config: ["case_sensitive": .boolean(false)]))
        #expect(conditions.matches(try Sample.event(["event_type": "NewFeedback", "tag1": value])) == holds)
        let list = try ConditionSet(
            .event("tag1", "in", ["zz", .string(operand)], config: ["case_sensitive": .boolean(false)]))
        if name == "equals" {
            #expect(list.matches(try Sample.event(["event_type": "NewFeedback", "tag1": value])) == holds)
        }
    }

    @Test(
        "compare addresses, hashes, bytes and flags by their bytes",
        arguments: [
            Case("owner", "equals", .string(alice), alice, true, in: "Registered"),
            Case("owner", "equals", .string(alice.lowercased()), alice, true, in: "Registered"),
            Case("owner", "equals", .string("0x" + alice.dropFirst(2).uppercased()), alice, true, in: "Registered"),
            Case("owner", "equals", .string(alice), bob, false, in: "Registered"),
            Case("owner", "not_equals", .string(alice), bob, true, in: "Registered"),
            Case("owner", "in", [.string(alice), .string(bob)], bob, true, in: "Registered"),
            Case("owner", "not_in", [.string(alice)], bob, true, in: "Registered"),
            Case("owner", "not_in", [.string(bob)], bob, false, in: "Registered"),
            Case("metadata_key_hash", "equals", .string(someHash), someHash, true, in: "MetadataSet"),
            Case(
                "metadata_key_hash", "equals", .string("0x" + someHash.dropFirst(2).uppercased()), someHash, true,
                in: "MetadataSet"),
            Case("metadata_key_hash", "not_equals", .string(someHash), someHash, false, in: "MetadataSet"),
            Case("metadata_key_hash", "in", [.string(someHash)], someHash, true, in: "MetadataSet"),
            Case("metadata_key_hash", "not_in", [.string(someHash)], someHash, false, in: "MetadataSet"),
            Case("metadata_value", "equals", "0xCAFE", "0xcafe", true, in: "MetadataSet"),
            Case("metadata_value", "equals", "0x", "0x", true, in: "MetadataSet"),
            Case("metadata_value", "not_equals", "0x", "0x00", true, in: "MetadataSet"),
            Case("metadata_value", "contains", "0xfeba", "0xcafebabe", true, in: "MetadataSet"),
            Case("metadata_value", "not_contains", "0xfeba", "0xcafebabe", false, in: "MetadataSet"),
            Case("metadata_value", "starts_with", "0xca", "0xcafe", true, in: "MetadataSet"),
            Case("metadata_value", "ends_with", "0xca", "0xcafe", false, in: "MetadataSet"),
            Case("metadata_value", "in", ["0x00", "0xcafe"], "0xcafe", true, in: "MetadataSet"),
            Case("metadata_value", "not_in", ["0x00", "0xcafe"], "0xcafe", false, in: "MetadataSet"),
            Case("is_approved", "equals", .boolean(true), "true", true, in: "ApprovalForAll"),
            Case("is_approved", "equals", "false", "true", false, in: "ApprovalForAll"),
            Case("is_approved", "not_equals", "false", "true", true, in: "ApprovalForAll"),
        ])
    func bytes(_ table: Case) throws { try table.check() }

    @Test(
        "hold for an absent field only if they ask for absence",
        arguments: [
            ("equals", "1"), ("not_equals", "1"), ("gt", "0"), ("gte", "0"), ("lt", "9"), ("lte", "9"),
            ("between", ["0", "9"]), ("in", ["1"]), ("not_in", ["1"]), ("exists", nil),
        ] as [(String, JSON?)])
    func absentNumber(_ name: String, _ operand: JSON?) throws {
        let transfer = try Sample.event(["event_type": "Transfer"])
        #expect(try !ConditionSet(.event("feedback_index", name, operand)).matches(transfer))
    }

    @Test(
        "hold for absent text only if they ask for absence",
        arguments: [
            ("equals", "a"), ("not_equals", "a"), ("in", ["a"]), ("not_in", ["a"]), ("contains", "a"),
            ("not_contains", "a"), ("starts_with", "a"), ("ends_with", "a"), ("matches", "a*"), ("exists", nil),
        ] as [(String, JSON?)])
    func absentText(_ name: String, _ operand: JSON?) throws {
        let transfer = try Sample.event(["event_type": "Transfer"])
        #expect(try !ConditionSet(.event("tag1", name, operand)).matches(transfer))
        for isSensitive in [true, false] {
            let config: JSON = ["case_sensitive": .boolean(isSensitive)]
            #expect(try !ConditionSet(.event("tag1", name, operand, config: config)).matches(transfer))
        }
        #expect(try ConditionSet(.event("tag1", "not_exists")).matches(transfer))
    }
}
