import Ethereum
import Foundation
import Storage
import TestSupport
import Testing

@Suite("Values", .emptyDatabase)
struct ValueTests {
    let database = TestDatabase.current.database

    private func echo<Kind: ColumnKind>(_ kind: Kind.Type, _ value: SQLValue) async throws -> Kind.Value? {
        try await database.first(Echo<Kind>(value: value))
    }

    @Test("integers keep their extremes and are refused where they do not fit")
    func integers() async throws {
        for value in [Int64.min, -1, 0, 1, .max] {
            #expect(try await echo(BigInt.self, .integer(value)) == value)
            #expect(try await echo(Decimal.self, .integer(value)) == String(value))
        }
        #expect(try await echo(Integer.self, .integer(Int64(Int32.max))) == Int64(Int32.max))
        #expect(try await echo(SmallInt.self, .integer(Int64(Int16.min))) == Int64(Int16.min))
        let reason = "the number does not fit integer"
        await #expect(throws: StorageError.invalidArgument(position: 1, reason: reason)) {
            try await echo(Integer.self, .integer(Int64(Int32.max) + 1))
        }
        await #expect(throws: StorageError.invalidArgument(position: 1, reason: "the number does not fit smallint")) {
            try await echo(SmallInt.self, .integer(-32_769))
        }
    }

    @Test("doubles keep every bit, the infinities and NaN")
    func doubles() async throws {
        for value in [0.1, -0.0, .greatestFiniteMagnitude, .leastNonzeroMagnitude, .infinity, -.infinity] {
            #expect(try await echo(DoublePrecision.self, .double(value)) == value)
        }
        #expect(try await echo(DoublePrecision.self, .double(.nan)).flatMap { $0 }?.isNaN == true)
    }

    @Test(
        "text and bytes arrive as they left",
        arguments: ["", "a", "naïve ☃ 𝄞", "'; DROP TABLE x; --", "\\x00 $1 \" ' \\"])
    func texts(_ text: String) async throws {
        #expect(try await echo(PlainText.self, .text(text)) == text)
        #expect(try await echo(Bytea.self, .bytes(Array(text.utf8) + [0, 255])) == Array(text.utf8) + [0, 255])
    }

    @Test("text with U+0000 is refused by name and leaves the connection usable")
    func nul() async throws {
        let reason = "the text holds U+0000, which PostgreSQL cannot store"
        for value in [SQLValue.text("a\0b"), .json("\"\0\"")] {
            await #expect(throws: StorageError.invalidArgument(position: 1, reason: reason)) {
                try await echo(PlainText.self, value)
            }
        }
        await #expect(throws: StorageError.invalidArgument(position: 1, reason: reason)) {
            try await echo(TextArray.self, .texts(["fine", "\0"]))
        }
        #expect(try await echo(PlainText.self, .text("after")) == "after")
    }

    @Test("booleans, UUIDs and NULLs arrive as they left")
    func simple() async throws {
        #expect(try await echo(Boolean.self, .boolean(true)) == true)
        #expect(try await echo(Boolean.self, .boolean(false)) == false)
        let identifier = UUID()
        #expect(try await echo(Unique.self, .uuid(identifier)) == identifier)
        #expect(try await echo(Unique.self, .text(identifier.uuidString)) == identifier)
        #expect(try await database.query(Echo<Unique>(value: .null)) == [nil])
        #expect(try await database.query(Echo<Bytea>(value: .null)) == [nil])
    }

    @Test(
        "times mean to us what they mean to the server",
        arguments: [
            ("2000-01-01 00:00:00+00", 946_684_800.0), ("1970-01-01 00:00:00+00", 0),
            ("1969-12-31 23:59:59.5+00", -0.5), ("2024-02-29 12:34:56.789012+00", 1_709_210_096.789012),
            ("9999-12-31 23:59:59+00", 253_402_300_799), ("0001-01-01 00:00:00+00", -62_135_596_800),
            ("0044-03-15 12:00:00+00 BC", -63_517_780_800),
        ])
    func times(_ text: String, seconds: Double) async throws {
        let date = try #require(try await database.first(Parsed<Moment>(text: text))?.flatMap { $0 })
        #expect(abs(date.timeIntervalSince1970 - seconds) < 1e-6)
        #expect(try await database.first(ServerText<Moment>(value: .timestamp(date))) == text)
    }

    @Test("times out of the server's range are refused")
    func badTimes() async throws {
        for date in [
            Date(timeIntervalSince1970: .nan), Date(timeIntervalSince1970: 1e15), Date(timeIntervalSince1970: -1e15),
        ] {
            await #expect(throws: StorageError.invalidArgument(position: 1, reason: "the time is out of range")) {
                try await echo(Moment.self, .timestamp(date))
            }
        }
    }

    @Test("durations are intervals to the microsecond; months are refused")
    func durations() async throws {
        for duration in [Duration.zero, .microseconds(1), .seconds(-3), .seconds(86_400 * 400), .milliseconds(1500)] {
            #expect(try await echo(Span.self, .duration(duration)) == duration)
        }
        #expect(try await database.first(Parsed<Span>(text: "2 days 00:00:01")) == .some(.seconds(172_801)))
        let months = StorageError.decoding(column: "0 (interval)", expected: "interval without months")
        await #expect(throws: months) { try await database.first(Parsed<Span>(text: "1 month")) }
    }

    @Test(
        "numerics are exact decimals",
        arguments: [
            "0", "1", "-1", "9999", "10000", "100000000", "0.1", "-0.0001", "0.00000001", "1.500", "12345678.87654321",
            "115792089237316195423570985008687907853269984665640564039457584007913129639935",
            "-115792089237316195423570985008687907853269984665640564039457584007913129639935",
            "0.0000000000000000000000000000000000000000000000000000000000000000000000000001",
        ])
    func numerics(_ text: String) async throws {
        #expect(try await echo(Decimal.self, .numeric(text)) == text)
        #expect(try await database.first(ServerText<Decimal>(value: .numeric(text))) == text)
        #expect(try await database.first(Parsed<Decimal>(text: text)) == text)
    }

    @Test("256-bit integers are read whole, and refused where they are none")
    func wideIntegers() async throws {
        struct Wide: Statement {
            static let sql = "SELECT $1::numeric"
            let value: SQLValue
            var arguments: [SQLValue] { [value] }
            func decode(_ row: borrowing RowReader) throws(StorageError) -> UInt256 { try row.uint256(0) }
        }
        struct Signed: Statement {
            static let sql = "SELECT $1::numeric, $1::numeric"
            let value: SQLValue
            var arguments: [SQLValue] { [value] }
            func decode(_ row: borrowing RowReader) throws(StorageError) -> Int256 { try row.int256(1) }
        }
        let power = UInt256(UInt64.max)
        for value in [UInt256.zero, UInt256(1), UInt256(9999), UInt256(10_000), power, power << 64, .max] {
            #expect(try await database.first(Wide(value: .uint256(value))) == value)
        }
        for value in [Int256.min, Int256(-1), .zero, Int256(10_000), .max] {
            #expect(try await database.first(Signed(value: .int256(value))) == value)
        }
        #expect(try await database.first(Wide(value: .numeric("12.00"))) == UInt256(12))
        let tooWide = "115792089237316195423570985008687907853269984665640564039457584007913129639936"
        for bad in ["-1", "0.5", tooWide, String(repeating: "9", count: 200)] {
            let error = StorageError.decoding(column: "0 (numeric)", expected: "unsigned 256-bit integer")
            await #expect(throws: error) { try await database.first(Wide(value: .numeric(bad))) }
        }
        await #expect(throws: StorageError.self) { try await database.first(Signed(value: .uint256(.max))) }
    }

    @Test("random numerics agree with the server's", arguments: [UInt64.random(in: 0 ... .max)])
    func randomNumerics(seed: UInt64) async throws {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<300 {
            func digits(_ count: Int) -> String {
                (0..<count).map { _ in String(Int.random(in: 0...(Bool.random(using: &random) ? 9 : 0), using: &random))
                }
                .joined()
            }
            var text = Bool.random(using: &random) ? "-" : ""
            text += digits(Int.random(in: 1...40, using: &random))
            if Bool.random(using: &random) { text += "." + digits(Int.random(in: 1...40, using: &random)) }
            let expected = try await database.first(ServerText<Decimal>(value: .numeric(text)))
            let byServer = try await database.first(Parsed<PlainText>(text: text)).flatMap { $0 }
            #expect(byServer == text)
            let decoded = try await database.first(Parsed<Decimal>(text: text))
            #expect(decoded == expected, "seed \(seed), \(text)")
        }
    }

    @Test(
        "what is no decimal number is refused", arguments: ["", "-", ".", "1.", ".5", "1e5", "NaN", "0x1", "1 ", "١"])
    func badNumerics(_ text: String) async throws {
        await #expect(throws: StorageError.invalidArgument(position: 1, reason: "not a decimal number")) {
            try await echo(Decimal.self, .numeric(text))
        }
    }

    @Test("JSON text is kept byte by byte in json, and understood in jsonb")
    func json() async throws {
        let text = #"{"b": 1,  "a": "\u0000"}"#
        #expect(try await echo(JSON.self, .json(text)) == text)
        #expect(try await echo(JSONB.self, .json(#"{"b": 1,  "a": []}"#)) == #"{"a": [], "b": 1}"#)
    }

    @Test("arrays keep order, emptiness and NULLs")
    func arrays() async throws {
        #expect(try await echo(BigIntArray.self, .integers([])) == [])
        #expect(try await echo(BigIntArray.self, .integers([.min, 0, .max])) == [.min, 0, .max])
        let texts: [String?] = ["", nil, "NULL", "a,b", "{\"x\\\"}", "☃"]
        #expect(try await echo(TextArray.self, .optionalTexts(texts)) == texts)
        await #expect(throws: StorageError.decoding(column: "0 (int8)", expected: "integer array")) {
            try await echo(BigIntArray.self, .optionalIntegers([1, nil]))
        }
    }

    @Test("values and arrays of an enumeration go as text")
    func enumerations() async throws {
        try await TestDatabase.current.run("CREATE TYPE mood AS ENUM ('sad', 'it''s \"fine\"')")
        enum Mood: ColumnKind {
            static let name = "mood"
            static func read(_ row: borrowing RowReader) throws(StorageError) -> String { try row.text(0) }
        }
        enum Moods: ColumnKind {
            static let name = "mood[]::text[]"
            static func read(_ row: borrowing RowReader) throws(StorageError) -> [String?] { try row.optionalTexts(0) }
        }
        #expect(try await echo(Mood.self, .text("sad")) == "sad")
        let moods: [String?] = ["it's \"fine\"", nil, "sad"]
        struct EchoMoods: Statement {
            static let sql = "SELECT $1::mood[]::text[]"
            let moods: [String?]
            var arguments: [SQLValue] { [.optionalTexts(moods)] }
            func decode(_ row: borrowing RowReader) throws(StorageError) -> [String?] { try row.optionalTexts(0) }
        }
        #expect(try await database.first(EchoMoods(moods: moods)) == moods)
    }

    @Test("all array kinds reach unnest")
    func unnest() async throws {
        struct Everything: Statement {
            static let sql = """
                SELECT count(*) FROM unnest(
                    $1::bigint[], $2::int[], $3::smallint[], $4::text[], $5::bytea[], $6::uuid[], $7::timestamptz[],
                    $8::boolean[], $9::numeric[], $10::double precision[], $11::json[], $12::interval[]
                ) AS row (a, b, c, d, e, f, g, h, i, j, k, l)
                WHERE a IS NOT NULL AND b IS NOT NULL AND c IS NOT NULL AND d IS NOT NULL AND e IS NOT NULL
                    AND f IS NOT NULL AND g IS NOT NULL AND h IS NOT NULL AND i IS NOT NULL AND j IS NOT NULL
                    AND k IS NOT NULL AND l IS NOT NULL
                """
            var arguments: [SQLValue] {
                [
                    .integers([1, 2]), .optionalIntegers([1, 2]), .integers([3, 4]), .texts(["", "x"]),
                    .optionalByteStrings([[], [0]]), .uuids([UUID(), UUID()]), .timestamps([Date(), Date()]),
                    .booleans([true, false]), .numerics(["1", "2.5"]), .doubles([1, 2]), .jsons(["1", "[]"]),
                    .durations([.seconds(1), .zero]),
                ]
            }
            func decode(_ row: borrowing RowReader) throws(StorageError) -> Int64 { try row.integer(0) }
        }
        #expect(try await database.first(Everything()) == 2)
    }

    @Test("a column of another type, NULL or none at all is a decoding error that names it")
    func wrongColumns() async throws {
        struct Wrong: Statement {
            static let sql = "SELECT 'x'::text AS label, NULL::bigint AS number"
            let column: Int
            func decode(_ row: borrowing RowReader) throws(StorageError) -> Int64 { try row.integer(column) }
        }
        for (column, name) in [(0, "0 (label)"), (1, "1 (number)"), (2, "2"), (-1, "-1")] {
            await #expect(throws: StorageError.decoding(column: name, expected: "integer")) {
                try await database.query(Wrong(column: column))
            }
        }
    }

    @Test("a wrong number of arguments is told before anything is sent")
    func argumentCount() async throws {
        struct Short: Statement {
            static let sql = "SELECT $1::int + $2::int"
            var arguments: [SQLValue] { [.integer(1)] }
        }
        let reason = "the statement takes 2 arguments, not 1"
        await #expect(throws: StorageError.invalidArgument(position: 2, reason: reason)) {
            try await database.execute(Short())
        }
    }
}
