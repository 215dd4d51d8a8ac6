import Domain
import Signatures

/// Seals the secrets of actions for `action_versions.secrets`.
///
/// The content is a JSON object of texts by their path in the config (`secret`, `headers.authorization`); it opens only
/// for the trigger that it was sealed for, whose id in lower case is the context.
struct SecretVault: Sendable {
    let box: SecretBox

    /// `secrets` sealed; nil for none.
    func seal(_ secrets: [String: String], for trigger: TriggerID) throws(SecretError) -> [UInt8]? {
        guard !secrets.isEmpty else { return nil }
        return try box.seal(JSON.object(secrets.mapValues(JSON.string)).bytes, context: trigger.text)
    }

    /// What was sealed for `trigger`.
    func open(_ sealed: [UInt8]?, for trigger: TriggerID) throws(SecretError) -> [String: String] {
        guard let sealed else { return [:] }
        guard case .object(let members)? = try? JSONReader.read(box.open(sealed, context: trigger.text)) else {
            throw .notAuthentic
        }
        return members.compactMapValues(\.string)
    }
}
