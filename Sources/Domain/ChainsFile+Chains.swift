import Ethereum

extension ChainsFileReader {
    private static let chainMembers = [
        "chain_id", "name", "enabled", "rpc_urls", "block_time_ms", "poll_interval_ms", "confirmations", "finality",
        "verification",
        "explorer_url", "registries",
    ]

    /// The chains of the whole document; incomplete once a problem was noted.
    func chains(in document: JSON) -> [Chain] {
        guard case .object(let top) = document else {
            problem("chains.json", "must be an object with the member chains")
            return []
        }
        for name in top.keys.sorted() where name != "chains" { problem(name, "unknown; known here is chains") }
        guard let list = top["chains"] else {
            problem("chains", "missing")
            return []
        }
        guard let elements = array(list, at: "chains", maximum: ChainsFile.chainsMax) else { return [] }
        var places: [Int64: String] = [:]
        return elements.enumerated().compactMap { index, element in
            chain(element, at: "chains[\(index)]", places: &places)
        }
    }

    /// The chain at `path`; `places` remembers where each chain id was first seen.
    private func chain(_ value: JSON, at path: String, places: inout [Int64: String]) -> Chain? {
        guard let members = object(value, at: path, known: Self.chainMembers) else { return nil }
        let id = integer(members, "chain_id", at: path, in: 1...Int64.max)
        if let id, let first = places.updateValue(places[id] ?? path, forKey: id) {
            problem("\(path).chain_id", "\(id) is taken by \(first) already")
        }
        let name = text(members, "name", at: path, maximum: 64)
        let isEnabled = boolean(members, "enabled", at: path, default: true)
        let urls = rpcURLs(members, at: path, isEnabled: isEnabled ?? true)
        let blockTime = milliseconds(members, "block_time_ms", at: path, in: 10...3_600_000)
        // Below 100 ms the polls of one chain alone would pass what public endpoints allow.
        let poll = milliseconds(members, "poll_interval_ms", at: path, in: 100...3_600_000)
        // The listener keeps the header of every block that is not final in memory.
        let confirmations = integer(members, "confirmations", at: path, in: 0...1000, default: 12)
        let finality = finality(members, at: path)
        let verification = verification(members, at: path)
        if verification == .quorum, isEnabled == true, let urls, urls.count == 1 {
            warn("\(path).verification", "quorum needs two endpoints; events are held back until there are")
        }
        let explorer = explorerURL(members, at: path)
        let contracts = contracts(members, at: path)
        guard let id, let chainID = ChainID(rawValue: id), let name, let isEnabled, let urls, let blockTime, let poll,
            let confirmations, let finality, let verification, let explorer, let contracts
        else { return nil }
        return Chain(
            id: chainID, name: name, isEnabled: isEnabled && !urls.isEmpty, rpcURLs: urls, pollInterval: poll,
            blockTime: blockTime, confirmations: Int(confirmations), finality: finality,
            verification: verification, explorerURL: explorer, contracts: contracts)
    }

    /// The duration of the member `name` within `range`; the outer nil is a problem, the inner one an absent member.
    private func milliseconds(
        _ members: [String: JSON], _ name: String, at path: String, in range: ClosedRange<Int64>
    ) -> Duration?? {
        guard members[name] != nil else { return .some(nil) }
        guard let value = integer(members, name, at: path, in: range) else { return nil }
        return .milliseconds(value)
    }

    private func finality(_ members: [String: JSON], at path: String) -> FinalitySource? {
        guard let value = members["finality"] else { return .tags }
        guard let source = value.string.flatMap(FinalitySource.init) else {
            problem("\(path).finality", "must be tags or depth")
            return nil
        }
        return source
    }

    private func verification(_ members: [String: JSON], at path: String) -> VerificationPolicy? {
        guard let value = members["verification"] else { return .bloom }
        guard let policy = value.string.flatMap(VerificationPolicy.init) else {
            problem("\(path).verification", "must be bloom, receipts or quorum")
            return nil
        }
        return policy
    }

    /// The explorer's URL without trailing slashes; the outer nil is a problem, the inner one an absent explorer.
    private func explorerURL(_ members: [String: JSON], at path: String) -> String?? {
        guard let value = members["explorer_url"], value != .null else { return .some(nil) }
        guard var url = value.string, Self.isWebURL(url), url.utf8.count <= 256 else {
            problem("\(path).explorer_url", "must be an http or https URL of at most 256 bytes")
            return nil
        }
        while url.hasSuffix("/") { url.removeLast() }
        return url
    }

    private func contracts(_ members: [String: JSON], at path: String) -> [RegistryContract]? {
        let path = "\(path).registries"
        guard let value = members["registries"] else {
            problem(path, "missing")
            return nil
        }
        guard let registries = object(value, at: path, known: Registry.allCases.map(\.rawValue)) else { return nil }
        if registries.isEmpty { problem(path, "empty") }
        var places: [Address: String] = [:]
        var contracts: [RegistryContract] = []
        for registry in Registry.allCases {
            guard let value = registries[registry.rawValue] else { continue }
            for (place, element) in self.elements(value, at: "\(path).\(registry.rawValue)") {
                if let contract = contract(element, of: registry, at: place, places: &places) {
                    contracts.append(contract)
                }
            }
        }
        return contracts
    }

    /// The contracts of one registry, which may be a single object, each with its path.
    private func elements(_ value: JSON, at path: String) -> [(String, JSON)] {
        guard case .array = value else { return [(path, value)] }
        let elements = array(value, at: path, maximum: ChainsFile.contractsMax) ?? []
        return elements.enumerated().map { ("\(path)[\($0.offset)]", $0.element) }
    }

    private func contract(
        _ value: JSON, of registry: Registry, at path: String, places: inout [Address: String]
    ) -> RegistryContract? {
        guard let members = object(value, at: path, known: ["address", "start_block"]) else { return nil }
        let start = integer(members, "start_block", at: path, in: 0...Int64.max).flatMap(BlockNumber.init(rawValue:))
        guard let address = address(members, at: path) else { return nil }
        if let first = places.updateValue(places[address] ?? path, forKey: address) {
            problem("\(path).address", "the same as \(first).address")
        }
        return start.map { RegistryContract(registry: registry, address: address, startBlock: $0) }
    }

    private func address(_ members: [String: JSON], at path: String) -> Address? {
        let path = "\(path).address"
        guard let value = members["address"] else {
            problem(path, "missing")
            return nil
        }
        guard let text = value.string else {
            problem(path, "must be a text")
            return nil
        }
        guard let address = try? Address(hex: text) else {
            problem(path, "must be 0x and 40 digits, in one case or with the right EIP-55 checksum")
            return nil
        }
        guard address != .zero else {
            problem(path, "is the zero address")
            return nil
        }
        return address
    }
}
