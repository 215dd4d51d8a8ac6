import Crypto
import Foundation

/// Signs and verifies webhooks as Standard Webhooks 1.0.0 asks, so that receivers have libraries for it already.
///
/// - SeeAlso: the specification's sections "Webhook headers" and "Verifying webhook authenticity".
public enum WebhookSigner {
    /// How far a timestamp may lie from the verifier's clock, either way, in seconds.
    public static let toleranceSeconds: Int64 = 300

    /// The value of `webhook-signature` for one attempt.
    ///
    /// One signature for each of `secrets`, in their order, apart by a space; a receiver accepts any, which is how
    /// secrets are rotated.
    ///
    /// - Parameters:
    ///   - id: the value of `webhook-id`, the same on every attempt.
    ///   - timestamp: the value of `webhook-timestamp`, in seconds since 1970, of this attempt.
    ///   - body: the bytes exactly as they are sent.
    public static func sign(id: String, timestamp: Int64, body: [UInt8], secrets: [WebhookSecret]) -> String {
        let content = content(id: id, timestamp: timestamp, body: body)
        return secrets.compactMap { $0.signature(of: content) }.joined(separator: " ")
    }

    /// Whether one of the signatures in `header` is by one of `verifiers`, and `timestamp` within the tolerance of `now`.
    ///
    /// Signatures of unknown versions are passed over.
    public static func isValid(
        header: String, id: String, timestamp: Int64, body: [UInt8], verifiers: [WebhookVerifier], now: Int64
    ) -> Bool {
        let (age, overflow) = now.subtractingReportingOverflow(timestamp)
        guard !overflow, age.magnitude <= UInt64(toleranceSeconds) else { return false }
        let content = content(id: id, timestamp: timestamp, body: body)
        // Header values are bounded by the server that received them; signatures beyond this many are nobody's rotation.
        let signatures = header.split(separator: " ").prefix(32)
        return signatures.contains { signature in verifiers.contains { $0.accepts(signature, content: content) } }
    }

    private static func content(id: String, timestamp: Int64, body: [UInt8]) -> [UInt8] {
        Array("\(id).\(timestamp).".utf8) + body
    }
}

/// What a webhook's signature is verified with: the shared secret, or the public half of a signing key.
public enum WebhookVerifier: Sendable {
    /// A shared secret.
    case shared([UInt8])
    /// The 32 bytes of an ed25519 public key.
    case publicKey([UInt8])

    /// The verifier that `text` shows: `whsec_` or `whpk_` and base64.
    public init(_ text: String) throws(SecretError) {
        if let bytes = WebhookSecret.bytes(of: text, behind: "whpk_") {
            guard bytes.count == 32 else { throw .wrongLength(count: bytes.count) }
            self = .publicKey(bytes)
        } else {
            guard case .shared(let bytes) = try WebhookSecret(text) else { throw .malformed }
            self = .shared(bytes)
        }
    }

    fileprivate func accepts(_ signature: Substring, content: [UInt8]) -> Bool {
        switch self {
        case .shared(let bytes):
            guard let expected = WebhookSecret.shared(bytes).signature(of: content) else { return false }
            return constantTimeEquals(signature.utf8, expected.utf8)
        case .publicKey(let bytes):
            guard signature.hasPrefix("v1a,"), let value = Data(base64Encoded: String(signature.dropFirst(4))),
                let key = try? Curve25519.Signing.PublicKey(rawRepresentation: bytes)
            else { return false }
            return key.isValidSignature(value, for: content)
        }
    }
}
