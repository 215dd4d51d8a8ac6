import Domain

/// How an action's secrets are written before they are sealed, agreed between who stores and who sends.
public enum ActionSecrets {
    /// What sealed secrets are bound to: a value of another column does not open as one of these.
    public static let context = "action_versions.secrets"

    /// `secrets` as a JSON object of texts, to be sealed for ``context``.
    public static func encode(_ secrets: [String: String]) -> [UInt8] {
        JSON.object(secrets.mapValues { .string($0) }).canonicalBytes
    }

    /// The secrets in `bytes`; nil for anything but an object of texts.
    public static func decode(_ bytes: [UInt8]) -> [String: String]? {
        guard case .object(let members)? = try? JSON(parsing: bytes) else { return nil }
        var secrets: [String: String] = [:]
        for (name, value) in members {
            guard let text = value.string else { return nil }
            secrets[name] = text
        }
        return secrets
    }
}
