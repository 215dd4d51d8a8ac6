import TestSupport
import Testing

@testable import Ethereum

@Suite("Merkle-Patricia trie roots")
struct MerklePatriciaTrieTests {
    struct Vector: Sendable, CustomTestStringConvertible {
        let name: String
        let entries: [(String, String)]
        let root: String
        var testDescription: String { name }
    }

    // Source: github.com/ethereum/tests, TrieTests/trietest.json and trieanyorder.json, without what is deleted again.
    static let vectors: [Vector] = [
        Vector(
            name: "emptyValues", entries: [("do", "verb"), ("horse", "stallion"), ("doge", "coin"), ("dog", "puppy")],
            root: "0x5991bb8c6514148a29db676a14ac506cd2cd5775ace63c30a4fe457715e9ac84"),
        Vector(
            name: "insert-middle-leaf",
            entries: [
                ("key1aa", "0123456789012345678901234567890123456789xxx"),
                ("key1", "0123456789012345678901234567890123456789Very_Long"), ("key2bb", "aval3"),
                ("key2", "short"), ("key3cc", "aval3"), ("key3", "1234567890123456789012345678901"),
            ], root: "0xcb65032e2f76c48b82b5c24b3db8f670ce73982869d38cd39a624f23d62a9e89"),
        Vector(
            name: "jeff",
            entries: [
                (word("45"), "0x22b224a1420a802ab51d326e29fa98e34c4f24ea"),
                (word("46"), "0x67706c2076330000000000000000000000000000000000000000000000000000"),
                (
                    word("697c7b8c961b56f675d570498424ac8de1a918f6"),
                    "0x6f6f6f6820736f2067726561742c207265616c6c6c793f000000000000000000"
                ),
                (
                    word("7ef9e639e2733cb34e4dfc576d4b23f72db776b2"),
                    "0x4655474156000000000000000000000000000000000000000000000000000000"
                ),
                (
                    word("ec4f34c97e43fbb2816cfd95e388353c7181dab1"),
                    "0x4e616d6552656700000000000000000000000000000000000000000000000000"
                ),
                (
                    "0x4655474156000000000000000000000000000000000000000000000000000000",
                    "0x7ef9e639e2733cb34e4dfc576d4b23f72db776b2"
                ),
                (
                    "0x4e616d6552656700000000000000000000000000000000000000000000000000",
                    "0xec4f34c97e43fbb2816cfd95e388353c7181dab1"
                ),
                (
                    "0x6f6f6f6820736f2067726561742c207265616c6c6c793f000000000000000000",
                    "0x697c7b8c961b56f675d570498424ac8de1a918f6"
                ),
            ], root: "0x9f6221ebb8efe7cff60a716ecb886e67dd042014be444669f0159d8e68b42100"),
        Vector(
            name: "singleItem", entries: [("A", String(repeating: "a", count: 50))],
            root: "0xd23786fb4a010da3ce639d66d5e904a11dbc02746d1ce25029e53290cabf28ab"),
        Vector(
            name: "dogs", entries: [("doe", "reindeer"), ("dog", "puppy"), ("dogglesworth", "cat")],
            root: "0x8aad789dff2f538bca5d8ea56e8abe10f4c7ba3a5dea95fea4cd6e7c3a1168d3"),
        Vector(
            name: "foo", entries: [("foo", "bar"), ("food", "bass")],
            root: "0x17beaa1648bafa633cda809c90c04af50fc8aed3cb40d16efbddee6fdf63c4c3"),
        Vector(
            name: "none", entries: [],
            root: "0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421"),
    ]

    private static func word(_ digits: String) -> String {
        "0x" + String(repeating: "0", count: 64 - digits.count) + digits
    }

    private static func bytes(_ text: String) throws -> [UInt8] {
        text.hasPrefix("0x") ? try Hex.decode(text) : Array(text.utf8)
    }

    @Test("are those of the published vectors, in any order", arguments: vectors)
    func published(vector: Vector) throws {
        var random = SeededGenerator(seed: 11)
        let entries = try vector.entries.map { (key: try Self.bytes($0.0), value: try Self.bytes($0.1)) }
        for _ in 0..<5 {
            let root = MerklePatriciaTrie.root(of: entries.shuffled(using: &random))
            #expect(root.description == vector.root)
        }
    }

    // Made with py-trie's HexaryTrie and pyrlp: item i is one byte, i mod 251 + 1, or i mod 40 + 20 of them.
    @Test(
        "of lists, over each change of the keys' length",
        arguments: [
            (
                0, "0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421",
                "0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421"
            ),
            (
                1, "0xac92bc8d02906a87a573c32c72bb427036f0e43d7a7375c5c491ebba064add15",
                "0x7195ae7abdc4a508eeafd936626224502c56e3b9e890189869debc0ce4bad7a4"
            ),
            (
                2, "0x08693bf7194a9e5481f518cc27be677512d038ddfb72263e13f0663e299ce2d8",
                "0xdc76871dbdd777b2fe6a92a9fea6d75bf745397ee56d7fea452be36dbeca552e"
            ),
            (
                16, "0x46031e66d23a0c21d8a05875f782f1960085ac368e401fb9946565ece929b262",
                "0x43a77105f9b74bab64e497f8cf4c1aa813000c0b8f4295c7584c7e65945a60ab"
            ),
            (
                17, "0xa87383e5770cdf013b6e22804b06ef4598148f60ce269820130310470c20a0be",
                "0xba5d57cd35c564c5305a780364a123423d228ef35483cd42f3f10696c73e426f"
            ),
            (
                127, "0x19f04690e34240656ac4e46fb05891a3a0ac81e1925bf48fb872f5d481be0ae9",
                "0xe0e2263d320a8381ecbc141f19981ba0171a584c064b2809d996b6cae440d4cd"
            ),
            (
                128, "0xf86b2ea03840bb50924fd06d47a3c6b1ad69bbc592c88ec4f988a5940223e677",
                "0xe9fd4fcfc05220f522ba6e4b0d5d4db7f19f65854824dd1382b8c295062aa824"
            ),
            (
                129, "0x0fa21c70b7b79d5586ecbfcdf89aa5bb4c5d89f3c6ce6472ada730c8fa2119b6",
                "0xf0e68cbdf931b79444234f41adee0953d4eadd0da730bcecbd2f78caa614749f"
            ),
            (
                255, "0x4f766bbf6b9248437b0aad68c8784ccabe37463d5261acfcf2c5f5938e81c8a5",
                "0x40a429e971f9f2e0428ffdca7c6d0760154e4e8b93ea05a0dfbb3fb202a66e5f"
            ),
            (
                257, "0x8a58b43898fdf331d51d39c158240aef342da4f4383e2e67ac40f1a1a99b9936",
                "0xb7ce141995f119eec76580c02fef703cf41d39936ce5e9e61ccb7344f41b14b7"
            ),
            (
                300, "0x824089136fb6cfac0e7338b9f45515c2d06cacf6f31a6bf89036e91a56a3519b",
                "0x94ad5c999284d53f58472de8f6e017c7a5e0ca6c162323d5d60985d59363ba7e"
            ),
        ] as [(Int, String, String)])
    func lists(count: Int, short: String, long: String) {
        func item(_ index: Int, _ length: Int) -> [UInt8] { .init(repeating: UInt8(index % 251 + 1), count: length) }
        #expect(MerklePatriciaTrie.root(ofList: (0..<count).map { item($0, 1) }).description == short)
        #expect(MerklePatriciaTrie.root(ofList: (0..<count).map { item($0, $0 % 40 + 20) }).description == long)
    }
}
