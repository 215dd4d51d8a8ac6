import Foundation

/// Takes known secrets out of what somebody else wrote, since receivers like to echo.
struct Redactor: Sendable {
    /// Shorter ones are not looked for: they would match by chance.
    static let secretMinimum = 8
    private static let replacement = Array("[redacted]".utf8)

    private let secrets: [Data]

    init(_ secrets: some Sequence<String>) {
        self.secrets = secrets.filter { $0.utf8.count >= Self.secretMinimum }.map { Data($0.utf8) }
    }

    func redact(_ bytes: [UInt8]) -> [UInt8] {
        guard !secrets.isEmpty, !bytes.isEmpty else { return bytes }
        var result = Data(bytes)
        for secret in secrets {
            var start = result.startIndex
            while let found = result.range(of: secret, in: start..<result.endIndex) {
                result.replaceSubrange(found, with: Self.replacement)
                start = found.lowerBound + Self.replacement.count
            }
        }
        return Array(result)
    }

    func redact(_ text: String) -> String {
        secrets.isEmpty ? text : String(decoding: redact(Array(text.utf8)), as: UTF8.self)
    }
}
