import Domain
import Ethereum
import Foundation
import TestSupport
import Testing

@Suite("chains.json")
struct ChainsFileTests {
    static let identity = "0x8004A818BFB912233c491871b3d84c89A494BD9e"
    static let reputation = "0x8004B663056A597Dffe9eCcC1965A193B7388713"

    static func file(_ chains: String...) -> String { #"{"chains": [\#(chains.joined(separator: ","))]}"# }

    static func chain(
        id: String = "1", urls: String = #"["https://a.example"]"#, more: String = "",
        registries: String = #"{"identity": {"address": "\#(identity)", "start_block": 5}}"#
    ) -> String {
        #"{"chain_id": \#(id), "name": "One", "rpc_urls": \#(urls), \#(more) "registries": \#(registries)}"#
    }

    static func read(_ text: String, environment: [String: String] = [:]) throws -> ChainsFile {
        try ChainsFile(parsing: Array(text.utf8), environment: environment)
    }

    static func problems(_ text: String, environment: [String: String] = [:]) -> [String] {
        do {
            _ = try ChainsFile(parsing: Array(text.utf8), environment: environment)
            return []
        } catch {
            return error.problems.map(\.description)
        }
    }

    @Test("a short entry gets the defaults")
    func defaults() throws {
        let file = try Self.read(Self.file(Self.chain()))
        let chain = try #require(file.chains.first)
        #expect(chain.id == ChainID(rawValue: 1))
        #expect(chain.isEnabled)
        #expect(chain.rpcURLs == ["https://a.example"])
        #expect(chain.pollInterval == nil)
        #expect(chain.blockTime == nil)
        #expect(chain.confirmations == 12)
        #expect(chain.finality == .tags)
        #expect(chain.verification == .bloom)
        #expect(chain.explorerURL == nil)
        #expect(chain.contracts.map(\.startBlock) == [5])
        #expect(file.warnings.isEmpty)
    }

    @Test("every member is read")
    func members() throws {
        let more =
            #""enabled": false, "poll_interval_ms": 250, "block_time_ms": 450, "confirmations": 0, "finality": "depth", "verification": "receipts", "explorer_url": "https://e.example//","#
        let registries = """
            {"identity": [{"address": "\(Self.identity.lowercased())", "start_block": 0},
             {"address": "\(Self.reputation)", "start_block": 9223372036854775807}]}
            """
        let chain = try #require(
            try Self.read(Self.file(Self.chain(id: "9223372036854775807", more: more, registries: registries))).chains
                .first)
        #expect(chain.id == ChainID(rawValue: .max))
        #expect(!chain.isEnabled)
        #expect(chain.pollInterval == .milliseconds(250))
        #expect(chain.blockTime == .milliseconds(450))
        #expect(chain.confirmations == 0)
        #expect(chain.finality == .depth)
        #expect(chain.verification == .receipts)
        #expect(chain.explorerURL == "https://e.example")
        #expect(chain.addresses(of: .identity).count == 2)
        #expect(chain.contracts.last?.startBlock == BlockNumber(rawValue: .max))
    }

    @Test(
        "one mistake is one problem with its path",
        arguments: [
            (file(chain(urls: "[]")), "chains[0].rpc_urls: empty"),
            (
                file(chain(urls: #"["ftp://a"]"#)),
                "chains[0].rpc_urls[0]: must be an http, https, ws or wss URL of at most 2048 bytes"
            ),
            (
                file(chain(urls: #"["https://"]"#)),
                "chains[0].rpc_urls[0]: must be an http, https, ws or wss URL of at most 2048 bytes"
            ),
            (
                file(chain(urls: #"["https://a b"]"#)),
                "chains[0].rpc_urls[0]: must be an http, https, ws or wss URL of at most 2048 bytes"
            ),
            (
                file(chain(urls: #"["https://:80/"]"#)),
                "chains[0].rpc_urls[0]: must be an http, https, ws or wss URL of at most 2048 bytes"
            ),
            (file(chain(urls: #"[7]"#)), "chains[0].rpc_urls[0]: must be a text"),
            (file(chain(urls: #""https://a""#)), "chains[0].rpc_urls: must be a list"),
            (
                file(chain(urls: #"["https://a/${}"]"#)),
                "chains[0].rpc_urls[0]: a variable is written as ${NAME}, with letters, digits and underscores"
            ),
            (
                file(chain(urls: #"["https://a/${KEY"]"#)),
                "chains[0].rpc_urls[0]: a variable is written as ${NAME}, with letters, digits and underscores"
            ),
            (
                file(chain(urls: #"["https://a/${1A}"]"#)),
                "chains[0].rpc_urls[0]: a variable is written as ${NAME}, with letters, digits and underscores"
            ),
            (file(chain(id: "0")), "chains[0].chain_id: must lie in 1...9223372036854775807"),
            (file(chain(id: "-1")), "chains[0].chain_id: must lie in 1...9223372036854775807"),
            (file(chain(id: "1.5")), "chains[0].chain_id: must be an integer"),
            (file(chain(id: "9223372036854775808")), "chains[0].chain_id: must be an integer"),
            (file(chain(id: #""1""#)), "chains[0].chain_id: must be an integer"),
            (file(chain(), chain()), "chains[1].chain_id: 1 is taken by chains[0] already"),
            (file(chain(more: #""enabled": 1,"#)), "chains[0].enabled: must be true or false"),
            (file(chain(more: #""poll_interval_ms": 99,"#)), "chains[0].poll_interval_ms: must lie in 100...3600000"),
            (file(chain(more: #""poll_interval_ms": "fast","#)), "chains[0].poll_interval_ms: must be an integer"),
            (file(chain(more: #""block_time_ms": 9,"#)), "chains[0].block_time_ms: must lie in 10...3600000"),
            (file(chain(more: #""block_time_ms": 3600001,"#)), "chains[0].block_time_ms: must lie in 10...3600000"),
            (file(chain(more: #""block_time_ms": null,"#)), "chains[0].block_time_ms: must be an integer"),
            (
                file(chain(urls: #"["wss://a.example", "ws://b.example"]"#)),
                "chains[0].rpc_urls: holds WebSocket URLs alone; add an http or https one, which is what blocks are read "
                    + "from"
            ),
            (file(chain(more: #""confirmations": 1001,"#)), "chains[0].confirmations: must lie in 0...1000"),
            (file(chain(more: #""finality": "block","#)), "chains[0].finality: must be tags or depth"),
            (file(chain(more: #""finality": null,"#)), "chains[0].finality: must be tags or depth"),
            (
                file(chain(more: #""verification": "none","#)),
                "chains[0].verification: must be bloom, receipts or quorum"
            ),
            (
                file(chain(more: #""verification": true,"#)),
                "chains[0].verification: must be bloom, receipts or quorum"
            ),
            (
                file(chain(more: #""explorer_url": "etherscan.io","#)),
                "chains[0].explorer_url: must be an http or https URL of at most 256 bytes"
            ),
            (
                file(chain(more: #""rpcUrls": [],"#)),
                "chains[0].rpcUrls: unknown; known here are chain_id, name, enabled, rpc_urls, block_time_ms, "
                    + "poll_interval_ms, confirmations, finality, verification, explorer_url, registries"
            ),
            (file(chain(registries: "{}")), "chains[0].registries: empty"),
            (file(chain(registries: "[]")), "chains[0].registries: must be an object"),
            (file(chain(registries: #"{"identity": []}"#)), "chains[0].registries.identity: empty"),
            (
                file(chain(registries: #"{"agents": {}, "identity": {"address": "\#(identity)", "start_block": 5}}"#)),
                "chains[0].registries.agents: unknown; known here are identity, reputation, validation"
            ),
            (
                file(chain(registries: #"{"identity": {"address": "\#(identity)"}}"#)),
                "chains[0].registries.identity.start_block: missing"
            ),
            (
                file(chain(registries: #"{"identity": {"address": "\#(identity)", "start_block": -1}}"#)),
                "chains[0].registries.identity.start_block: must lie in 0...9223372036854775807"
            ),
            (
                file(chain(registries: #"{"identity": {"start_block": 5}}"#)),
                "chains[0].registries.identity.address: missing"
            ),
            (
                file(
                    chain(
                        registries:
                            #"{"identity": {"address": "0x8004a818BFB912233c491871b3d84c89A494BD9e", "start_block": 5}}"#
                    )),
                "chains[0].registries.identity.address: must be 0x and 40 digits, in one case or with the right EIP-55 checksum"
            ),
            (
                file(
                    chain(
                        registries:
                            #"{"identity": {"address": "0x0000000000000000000000000000000000000000", "start_block": 5}}"#
                    )),
                "chains[0].registries.identity.address: is the zero address"
            ),
            (
                file(
                    chain(
                        registries: """
                            {"identity": {"address": "\(identity)", "start_block": 5},
                             "validation": [{"address": "\(reputation)", "start_block": 5},
                             {"address": "\(identity.lowercased())", "start_block": 5}]}
                            """)),
                "chains[0].registries.validation[1].address: the same as chains[0].registries.identity.address"
            ),
            (#"{"chains": []}"#, "chains: empty"),
            (#"{"chains": {}}"#, "chains: must be a list"),
            (#"{}"#, "chains: missing"),
            (#"[]"#, "chains.json: must be an object with the member chains"),
            (#"{"chains": ["#, "chains.json: not a JSON document"),
            ("", "chains.json: not a JSON document"),
            (#"{"chains": [\#(chain())], "version": 1}"#, "version: unknown; known here is chains"),
            (#"{"chains": [7]}"#, "chains[0]: must be an object"),
        ] as [(String, String)])
    func mistakes(text: String, problem: String) {
        #expect(Self.problems(text) == [problem])
    }

    @Test("all mistakes are reported at once, in the order of the file")
    func everything() {
        let text = """
            {"extra": 1, "chains": [
              {"chain_id": 0, "name": "", "rpc_urls": [], "finality": "x", "registries": {"identity": {}}},
              {"name": "a\\u0000b"}
            ]}
            """
        #expect(
            Self.problems(text) == [
                "extra: unknown; known here is chains",
                "chains[0].chain_id: must lie in 1...9223372036854775807",
                "chains[0].name: must have 1 to 64 bytes",
                "chains[0].rpc_urls: empty",
                "chains[0].finality: must be tags or depth",
                "chains[0].registries.identity.start_block: missing",
                "chains[0].registries.identity.address: missing",
                "chains[1].chain_id: missing",
                "chains[1].name: holds a control character",
                "chains[1].rpc_urls: missing",
                "chains[1].registries: missing",
            ])
    }

    @Test("lists are bounded")
    func bounds() {
        let urls = (0...ChainsFile.urlsMax).map { "\"https://\($0).example\"" }.joined(separator: ",")
        #expect(
            Self.problems(Self.file(Self.chain(urls: "[\(urls)]")))
                == ["chains[0].rpc_urls: holds 17 elements, at most 16 are allowed"])
        let chains = (1...(ChainsFile.chainsMax + 1)).map { Self.chain(id: "\($0)") }.joined(separator: ",")
        #expect(Self.problems("{\"chains\": [\(chains)]}") == ["chains: holds 1025 elements, at most 1024 are allowed"])
    }

    @Test("variables are replaced from the environment, once")
    func variables() throws {
        let urls = #"["https://a/${KEY}/${KEY}", "${URL}", "http://b/$KEY"]"#
        let file = try Self.read(
            Self.file(Self.chain(urls: urls)), environment: ["KEY": "k1", "URL": "https://c/${KEY}"])
        #expect(file.chains.first?.rpcURLs == ["https://a/k1/k1", "https://c/${KEY}", "http://b/$KEY"])
    }

    @Test("an endpoint with an unset variable is left out with a warning")
    func unsetVariable() throws {
        let urls = #"["https://a/${KEY}", "${EMPTY}", "https://b", "https://b"]"#
        let file = try Self.read(Self.file(Self.chain(urls: urls)), environment: ["EMPTY": ""])
        #expect(file.chains.first?.rpcURLs == ["https://b"])
        #expect(file.chains.first?.isEnabled == true)
        #expect(
            file.warnings.map(\.description) == [
                "chains[0].rpc_urls[0]: KEY is not set, the endpoint is left out",
                "chains[0].rpc_urls[1]: EMPTY is not set, the endpoint is left out",
                "chains[0].rpc_urls[3]: the same as an endpoint above, left out",
            ])
    }

    @Test("a chain that is left without an endpoint is disabled with a warning")
    func noEndpoint() throws {
        let file = try Self.read(Self.file(Self.chain(urls: #"["${KEY}"]"#), Self.chain(id: "2")))
        #expect(file.chains.map(\.isEnabled) == [false, true])
        #expect(
            file.warnings.map(\.description) == [
                "chains[0].rpc_urls[0]: KEY is not set, the endpoint is left out",
                "chains[0].rpc_urls: no endpoint is left, the chain is disabled; set one of the variables or add a URL",
            ])
        let disabled = try Self.read(Self.file(Self.chain(urls: #"["${KEY}"]"#, more: #""enabled": false,"#)))
        #expect(disabled.warnings.isEmpty)
    }

    @Test("sockets are told from endpoints that are asked")
    func sockets() throws {
        let urls = #"["https://a", "WSS://b/${KEY}", "ws://c", "http://d"]"#
        let chain = try #require(
            try Self.read(Self.file(Self.chain(urls: urls)), environment: ["KEY": "k"]).chains.first)
        #expect(chain.httpURLs == ["https://a", "http://d"])
        #expect(chain.socketURLs == ["WSS://b/k", "ws://c"])
    }

    @Test("a chain that is left with sockets alone is disabled with a warning")
    func socketsLeft() throws {
        let file = try Self.read(Self.file(Self.chain(urls: #"["${KEY}", "wss://a"]"#)))
        #expect(file.chains.map(\.isEnabled) == [false])
        #expect(file.warnings.last?.description.contains("no endpoint is left") == true)
    }

    @Test("no problem shows what a variable holds")
    func secrets() {
        let problems = Self.problems(
            Self.file(Self.chain(urls: #"["${URL}"]"#)), environment: ["URL": "ftp://key.example"])
        #expect(problems.count == 1)
        #expect(!problems.joined().contains("key.example"))
    }

    @Test("a damaged file is refused or read, never a trap")
    func damaged() throws {
        var random = SeededGenerator.printed()
        let whole = Array(
            Self.file(
                Self.chain(
                    more: #""enabled": true, "confirmations": 12, "finality": "tags", "explorer_url": "https://e","#),
                Self.chain(id: "2", urls: #"["https://a/${KEY}", "http://b"]"#)
            ).utf8)
        var refused = 0
        for _ in 0..<3000 {
            var bytes = whole
            for _ in 0...Int.random(in: 0..<4, using: &random) {
                let place = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<4, using: &random) {
                case 0: bytes[place] = UInt8.random(in: .min ... .max, using: &random)
                case 1: bytes.remove(at: place)
                case 2: bytes.insert(Array("{}[]\",:0-e\\$".utf8).randomElement(using: &random) ?? 0, at: place)
                default: bytes.replaceSubrange(place..<min(bytes.count, place + 9), with: Array("null".utf8))
                }
            }
            do {
                _ = try ChainsFile(parsing: bytes, environment: ["KEY": "k"])
            } catch {
                refused += 1
                #expect(!error.problems.isEmpty)
            }
        }
        #expect(refused > 1000)
    }

    @Test("the file that ships is right and enables the testnets alone")
    func shipped() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let bytes = [UInt8](try Data(contentsOf: root.appending(path: "chains.json")))
        let file = try ChainsFile(parsing: bytes, environment: [:])
        #expect(file.warnings.isEmpty)
        #expect(Set(file.chains.filter(\.isEnabled).map(\.id.rawValue)) == [11_155_111, 421_614, 84_532, 5_042_002])
        #expect(Set(file.chains.map(\.id)).count == file.chains.count)
        #expect(Set(file.chains.map(\.name)).count == file.chains.count)
        // Of this one no second public endpoint is known.
        let single = ChainID(rawValue: 4326)
        for chain in file.chains {
            #expect(chain.httpURLs.count >= (chain.id == single ? 1 : 2), "\(chain.name)")
            #expect(chain.rpcURLs.allSatisfy { $0.hasPrefix("https://") || $0.hasPrefix("wss://") }, "\(chain.name)")
            #expect(chain.explorerURL?.hasPrefix("https://") == true, "\(chain.name)")
            #expect(chain.contracts.allSatisfy { $0.startBlock > 0 }, "\(chain.name)")
            #expect(Set(chain.contracts.map(\.startBlock)).count == 1, "\(chain.name): they came together")
            let isTestnet = chain.isEnabled
            #expect(
                Registry.allCases.map { chain.addresses(of: $0).map(\.checksummed) }
                    == (isTestnet ? Self.testnets : Self.mainnets).map { [$0] }, "\(chain.name)")
        }
        // The reader takes an address in one case too; here each is written with its checksum.
        let text = String(decoding: bytes, as: UTF8.self)
        for contract in file.chains.flatMap(\.contracts) { #expect(text.contains(contract.address.checksummed)) }
    }

    /// The same on every chain, since CREATE2 made them: identity, reputation, validation.
    static let mainnets = [
        "0x8004A169FB4a3325136EB29fA0ceB6D2e539a432", "0x8004BAa17C55a88189AE136b182e5fdA19dE9b63",
        "0x8004Cc8439f36fd5F9F049D9fF86523Df6dAAB58",
    ]
    static let testnets = [
        "0x8004A818BFB912233c491871b3d84c89A494BD9e", "0x8004B663056A597Dffe9eCcC1965A193B7388713",
        "0x8004Cb1BF31DAf7788923b405b754f57acEB4272",
    ]
}
