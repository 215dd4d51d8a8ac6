import Domain
import Ethereum
import Foundation
import Testing

@testable import EthereumRPC

@Suite("receipts and the root over them")
struct ReceiptRootTests {
    private static let logs = [
        log(topics: [Hash(bytes: [UInt8](repeating: 0x22, count: 32)) ?? .zero, .zero], data: []),
        log(topics: [], data: [0, 1]),
    ]

    private static func log(topics: [Hash], data: [UInt8]) -> Log {
        Log(
            address: Address(bytes: [UInt8](repeating: 0x11, count: 20)) ?? .zero, topics: Topics(topics) ?? Topics(),
            data: data, blockNumber: 1, blockHash: hash(1), transactionHash: hash(2), transactionIndex: 0, logIndex: 0)
    }

    private static func receipt(
        _ type: UInt8, _ outcome: Receipt.Outcome, _ gas: UInt64, _ logs: [Log], nonce: UInt64? = nil,
        version: UInt64? = nil, from: Address? = nil
    ) -> Receipt {
        Receipt(
            transactionHash: hash(2), transactionIndex: 0, blockHash: hash(1), blockNumber: 1, from: from, type: type,
            outcome: outcome, cumulativeGasUsed: gas, logsBloom: Bloom(), logs: logs, depositNonce: nonce,
            depositReceiptVersion: version)
    }

    private static let oneOfEach = [
        receipt(0, .status(true), 21000, logs), receipt(1, .status(true), 42000, []),
        receipt(2, .status(false), 63000, logs), receipt(3, .status(true), 84000, logs),
        receipt(4, .status(true), 105_000, []),
    ]
    private static let arbitrum = ([0x6a, 0x64, 0x65, 0x66, 0x68, 0x69] as [UInt8]).enumerated().map {
        receipt($0.element, .status(true), UInt64($0.offset) * 1000, logs)
    }
    private static let afterDeposit = receipt(2, .status(true), 118_083, logs)

    // Made with pyrlp and py-trie's HexaryTrie.
    @Test(
        "agree for every type",
        arguments: [
            (
                [receipt(0, .status(false), 21000, [])],
                "0x642cd2bcdba228efb3996bf53981250d3608289522b80754c4e3c085c93c806f"
            ),
            (
                [receipt(0, .root(Hash(bytes: [UInt8](repeating: 0x33, count: 32)) ?? .zero), 21000, logs)],
                "0x4873c8a215b1f09d29f3effac2c284d74e92fdc3e37efe47747ca40331670557"
            ),
            (oneOfEach, "0xd975796e973e403d096394f989f04c49affc2849f569f0c90c48bee653f5ccdc"),
            (
                [receipt(0x7e, .status(true), 46913, logs, nonce: 4_012_991), afterDeposit],
                "0xfc8e655ddf3ddb0976f8903c3314be25438c872d129b8dd0f086e8389ed1888d"
            ),
            (
                [receipt(0x7e, .status(true), 46913, logs, nonce: 4_012_991, version: 1), afterDeposit],
                "0x63b6073d308669e5cf2eab4c8a9584975df317553809a40b2b8e6e4bc4d7ecf0"
            ),
            (arbitrum, "0x834aa6e870eb73b202b4a586e96fab754f2dd961a28c49d8e9212bd69c2223ee"),
            ([], "0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421"),
        ] as [([Receipt], String)])
    func types(receipts: [Receipt], root: String) throws {
        #expect(receipts.proved(by: try Hash(hex: root)) == receipts)
    }

    @Test("differ where anything of consensus does")
    func changes() throws {
        let root = try Hash(hex: "0xd975796e973e403d096394f989f04c49affc2849f569f0c90c48bee653f5ccdc")
        let changes: [(inout [Receipt]) -> Void] = [
            { $0.removeLast() }, { $0.removeAll() }, { $0.swapAt(1, 4) }, { $0[0].logs.removeLast() },
            { $0[2].outcome = .status(true) }, { $0[1].cumulativeGasUsed += 1 }, { $0[0].type = 1 },
            { $0[0].logs[1].data = [0] }, { $0[0].logs[0].topics = Topics() }, { $0[0].logs[0].address = .zero },
            { $0[3].logsBloom.insert(Address.zero) }, { $0.append($0[4]) },
        ]
        for (index, change) in changes.enumerated() {
            var receipts = Self.oneOfEach
            change(&receipts)
            #expect(receipts.proved(by: root) == nil, "change \(index)")
        }
    }

    @Test("prove nothing where a type is unknown, or a deposit has a version but no nonce")
    func unknown() {
        for type in [5, 0x63, 0x6b, 0x78, 0x7b, 0x7c, 0x7f, 0xff] as [UInt8] {
            #expect(Self.receipt(type, .status(true), 1, []).consensusEncoding == nil)
        }
        #expect(Self.receipt(0x7e, .status(true), 1, [], version: 1).consensusEncoding == nil)
    }

    @Test("leave out what a node put behind them for a bridge")
    func bridge() throws {
        let root = try Hash(hex: "0xd975796e973e403d096394f989f04c49affc2849f569f0c90c48bee653f5ccdc")
        let bridge = Self.receipt(0, .status(true), 0, Self.logs, from: .zero)
        #expect((Self.oneOfEach + [bridge]).proved(by: root) == Self.oneOfEach)
        #expect((Self.oneOfEach + [bridge, bridge]).proved(by: root) == nil)
        #expect([bridge].proved(by: MerklePatriciaTrie.emptyRoot) == [])
    }

    /// A block of `Tools/devnet`, which py-evm executed and sealed: three types of transactions, one of them reverted.
    @Test("agree in a real block, as it comes from a node")
    func realBlock() async throws {
        let url = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "Fixtures/devnet-block.json")
        let file = try JSON(parsing: [UInt8](Data(contentsOf: url)))
        let header = String(decoding: try #require(file["header"]).bytes, as: UTF8.self)
        let receipts = String(decoding: try #require(file["receipts"]).bytes, as: UTF8.self)
        let node = ScriptedNode { host, method, parameters in
            switch method {
            case "eth_getBlockByNumber": .result(header)
            case "eth_getBlockReceipts": .result(receipts)
            default: ChainText.node()(host, method, parameters)
            }
        }
        let pool = try pool(node)
        let head = try await pool.head()
        let found = try await pool.receipts(head.hash)
        #expect(found.count == 10 && Set(found.map(\.type)) == [0, 1, 2])
        let root = try #require(head.receiptsRoot)
        #expect(found.proved(by: root) == found)
        #expect(Array(found.dropFirst()).proved(by: root) == nil)
    }
}
