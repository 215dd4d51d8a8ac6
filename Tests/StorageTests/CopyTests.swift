import Domain
import Ethereum
import Foundation
import Storage
import TestSupport
import Testing

@Suite("COPY", .emptyDatabase)
struct CopyTests {
    let test = TestDatabase.current

    /// The whole table as the server writes it.
    struct Dump: Statement {
        static let sql = "SELECT row::text FROM everything AS row ORDER BY id"
        func decode(_ row: borrowing RowReader) throws(StorageError) -> String { try row.text(0) }
    }
    struct Count: Statement {
        static let sql = "SELECT count(*) FROM everything"
        func decode(_ row: borrowing RowReader) throws(StorageError) -> Int64 { try row.integer(0) }
    }

    private static let columns = [
        "id", "small", "middle", "flag", "real", "label", "raw", "uid", "at", "amount", "doc", "docb", "span", "many",
    ]

    private func makeTable() async throws {
        try await test.run(
            """
            CREATE TABLE everything (
                id bigint CONSTRAINT everything_key PRIMARY KEY, small smallint, middle int, flag boolean,
                "real" double precision, label text, raw bytea, uid uuid, at timestamptz, amount numeric, doc json,
                docb jsonb, span interval, many text[])
            """)
    }

    private func copy(_ rows: [[SQLValue]], columns: [String] = Self.columns) async throws -> Int {
        try await test.database.withConnection { connection in
            try await connection.copy(into: "public.everything", columns: columns, rows: rows)
        }
    }

    @Test("carries every type, its extremes and NULL")
    func allTypes() async throws {
        try await makeTable()
        let largest = "115792089237316195423570985008687907853269984665640564039457584007913129639935"
        let identifier = try #require(UUID(uuidString: "00112233-4455-6677-8899-AABBCCDDEEFF"))
        let rows: [[SQLValue]] = [
            [
                .integer(.min), .integer(-32_768), .integer(-2_147_483_648), .boolean(true), .double(-.infinity),
                .text(""), .bytes([]), .uuid(identifier), .timestamp(Date(timeIntervalSince1970: -1)),
                .numeric(largest),
                .json("{}"), .json("[1]"), .duration(.seconds(-1)), .texts([]),
            ],
            [.integer(0)] + [SQLValue](repeating: .null, count: 13),
            [
                .integer(.max), .integer(32_767), .integer(2_147_483_647), .boolean(false), .double(0.1),
                .text("☃, \"x\""), .bytes([0, 255]), .uuid(identifier), .timestamp(Date(timeIntervalSince1970: 0.25)),
                .numeric("-0.001"), .json("null"), .json("{\"a\": 1}"), .duration(.microseconds(1)),
                .optionalTexts(["x", nil]),
            ],
        ]
        #expect(try await copy(rows) == 3)
        #expect(
            try await test.database.query(Dump()) == [
                #"(-9223372036854775808,-32768,-2147483648,t,-Infinity,"","\\x",00112233-4455-6677-8899-aabbccddeeff,"#
                    + #""1969-12-31 23:59:59+00",\#(largest),{},[1],-00:00:01,{})"#,
                "(0,,,,,,,,,,,,,)",
                #"(9223372036854775807,32767,2147483647,f,0.1,"☃, ""x""","\\x00ff",00112233-4455-6677-8899-aabbccddeeff,"#
                    + #""1970-01-01 00:00:00.25+00",-0.001,null,"{""a"": 1}",00:00:00.000001,"{x,NULL}")"#,
            ])
    }

    @Test("stores nothing of a copy with a bad row, and leaves the connection usable")
    func badRows() async throws {
        try await makeTable()
        let good = (0..<5000 as Range<Int64>).map { [SQLValue.integer($0), .text(String(repeating: "x", count: 100))] }
        let cases: [([SQLValue], StorageError)] = [
            (
                [.integer(1), .text("a\0b")],
                .invalidArgument(position: 2, reason: "the text holds U+0000, which PostgreSQL cannot store")
            ),
            (
                [.integer(1), .integer(1)],
                .invalidArgument(position: 2, reason: "the column's type takes no such value")
            ),
            ([.integer(1)], .invalidArgument(position: 2, reason: "the copy has 2 columns, not 1")),
            ([.integer(1), .text("twice")], .uniqueViolation(constraint: "everything_key")),
        ]
        for (bad, expected) in cases {
            await #expect(throws: expected) { try await copy(good + [bad], columns: ["id", "label"]) }
            #expect(try await test.database.first(Count()) == 0)
        }
        #expect(try await copy([], columns: ["id"]) == 0)
        await #expect {
            try await copy([], columns: ["no_such_column"])
        } throws: { error in
            if case StorageError.queryFailed("42703", _) = error { true } else { false }
        }
    }

    @Test("a row's fields can be written one by one, as exactly as values")
    func fields() async throws {
        try await test.run(
            """
            CREATE TABLE everything (
                id bigint, small int, label text, raw bytea, word bytea, words bytea, account bytea, amount numeric)
            """)
        let hash = try #require(Hash(bytes: Array(0..<32 as Range<UInt8>)))
        let account = try #require(Address(bytes: Array(1..<21 as Range<UInt8>)))
        let amounts = [UInt256(0), UInt256(9999), UInt256(10_000), UInt256(1_000_200), UInt256(.max), .max]
        try await test.database.withConnection { connection in
            try await connection.copy(
                into: "everything",
                columns: ["id", "small", "label", "raw", "word", "words", "account", "amount"], count: amounts.count
            ) { index, row in
                row.integer(Int64(index))
                row.integer(-1)
                row.text(index == 0 ? nil : "☃")
                row.bytes([0, 255])
                row.hash(hash)
                row.hashes(Topics([hash, hash].prefix(index)) ?? Topics())
                row.address(index == 0 ? nil : account)
                row.uint256(index == 0 ? nil : amounts[index])
            }
        }
        let (word, from) = (
            hash.description.dropFirst(2),
            account.bytes.map { $0 < 16 ? "0\(String($0, radix: 16))" : String($0, radix: 16) }.joined()
        )
        #expect(
            try await test.database.query(Dump())
                == amounts.enumerated().map { index, amount in
                    let words = String(repeating: String(word), count: min(index, 2))
                    let tail = index == 0 ? "," : #""\\x\#(from)",\#(amount)"#
                    return #"(\#(index),-1,\#(index == 0 ? "" : "☃"),"\\x00ff","\\x\#(word)","\\x\#(words)",\#(tail))"#
                })
        for (id, raw) in [(Int64.max, false), (1, true)] {
            await #expect(throws: StorageError.self) {
                try await test.database.withConnection { connection in
                    try await connection.copy(into: "everything", columns: ["small", "label"], count: 1) { _, row in
                        row.integer(id)
                        if raw { row.bytes([1]) } else { row.text("x") }
                    }
                }
            }
        }
    }

    @Test("is part of the transaction that it runs in")
    func transactional() async throws {
        try await makeTable()
        struct Failure: Error {}
        await #expect(throws: Failure.self) {
            try await test.database.transaction { connection in
                let rows = (0..<1000 as Range<Int64>).map { [SQLValue.integer($0)] }
                #expect(try await connection.copy(into: "everything", columns: ["id"], rows: rows) == 1000)
                #expect(try await connection.first(Count()) == 1000)
                throw Failure()
            }
        }
        #expect(try await test.database.first(Count()) == 0)
    }

    @Test("takes more rows than fit into the socket's buffers")
    func large() async throws {
        try await makeTable()
        let count = 200_000
        let started = ContinuousClock.now
        let stored = try await test.database.withConnection { connection in
            try await connection.copy(into: "everything", columns: ["id", "raw"], count: count) { number, row in
                row.integer(Int64(number))
                row.bytes([UInt8](repeating: UInt8(number & 0xff), count: 64))
            }
        }
        print("COPY: \(count) rows of 72 bytes in \(ContinuousClock.now - started)")
        #expect(stored == count)
        #expect(try await test.database.first(Count()) == Int64(count))
    }
}
