/// The chains that `chains.json` describes, read whole and checked whole.
///
/// A chain that is left without an endpoint because its variables are unset is kept, disabled, with a warning.
public struct ChainsFile: Sendable, Hashable {
    /// A place in the file and what is wrong there.
    public struct Remark: Sendable, Hashable, CustomStringConvertible {
        /// Where, as `chains[2].rpc_urls`; the file itself is `chains.json`.
        public let path: String
        /// What is wrong and, where it is not plain, what would be right; never holds a URL.
        public let text: String

        /// The remark `text` about `path`.
        public init(path: String, text: String) {
            self.path = path
            self.text = text
        }

        /// `chains[2].rpc_urls: empty`.
        public var description: String { "\(path): \(text)" }
    }

    /// The most chains that one file may hold; a process keeps a listener and its connections for each.
    public static let chainsMax = 1024
    /// The most endpoints of one chain; more would only be tried in vain one after the other.
    public static let urlsMax = 16
    /// The most contracts of one registry on one chain; nodes bound the addresses of one filter.
    public static let contractsMax = 64

    /// In the order of the file, the disabled ones too; ids are unique.
    public let chains: [Chain]
    /// What an operator should know but need not change.
    public let warnings: [Remark]

    /// The file that `bytes` spell, with `${NAME}` in `rpc_urls` replaced from `environment`.
    ///
    /// - Throws: `ChainsFileError` with every problem of the file, in the order of the file.
    public init(parsing bytes: some Collection<UInt8>, environment: [String: String]) throws(ChainsFileError) {
        let document: JSON
        do {
            document = try JSON(parsing: bytes)
        } catch {
            throw ChainsFileError(problems: [Remark(path: "chains.json", text: "not a JSON document")])
        }
        let reader = ChainsFileReader(environment: environment)
        let chains = reader.chains(in: document)
        guard reader.problems.isEmpty else { throw ChainsFileError(problems: reader.problems) }
        self.chains = chains
        warnings = reader.warnings
    }
}

/// Why `chains.json` was refused: everything that is wrong with it at once.
public struct ChainsFileError: Error, Equatable, CustomStringConvertible {
    /// At least one, in the order of the file.
    public let problems: [ChainsFile.Remark]

    /// The problems, one on each line.
    public var description: String { problems.map(\.description).joined(separator: "\n") }
}
