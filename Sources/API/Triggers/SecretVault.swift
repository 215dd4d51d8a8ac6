import Signatures
import Templates

/// Seals and opens the secrets of actions, as `action_versions.secrets` holds them.
struct SecretVault: Sendable {
    let box: SecretBox

    /// `secrets` sealed; nil for none.
    func seal(_ secrets: [String: String]) throws(SecretError) -> [UInt8]? {
        secrets.isEmpty ? nil : try box.seal(ActionSecrets.encode(secrets), context: ActionSecrets.context)
    }

    /// What was sealed.
    func open(_ sealed: [UInt8]?) throws(SecretError) -> [String: String] {
        guard let sealed else { return [:] }
        guard let secrets = ActionSecrets.decode(try box.open(sealed, context: ActionSecrets.context)) else {
            throw .malformed
        }
        return secrets
    }
}
