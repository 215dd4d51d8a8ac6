import Crypto
import Foundation

/// What a webhook is signed with: a secret that the receiver shares, or a private key whose public half it has.
///
/// - SeeAlso: Standard Webhooks 1.0.0, "Signature scheme".
public enum WebhookSecret: Sendable {
    /// A shared secret of 24...64 bytes for HMAC-SHA256, shown as `whsec_` and base64.
    case shared([UInt8])
    /// The 32-byte seed of an ed25519 key, shown as `whsk_` and base64.
    case signing(seed: [UInt8])

    /// The counts of bytes that a shared secret may have.
    public static let sharedLengths = 24...64

    /// A new shared secret of 32 random bytes.
    public static func random() -> WebhookSecret {
        .shared(SymmetricKey(size: .bits256).withUnsafeBytes { [UInt8]($0) })
    }

    /// The secret that `text` shows.
    ///
    /// `whsec_` and 24...64 bytes in base64, or `whsk_` and the 32-byte seed with or without the public key behind it.
    public init(_ text: String) throws(SecretError) {
        if let bytes = Self.bytes(of: text, behind: "whsec_") {
            guard Self.sharedLengths.contains(bytes.count) else { throw .wrongLength(count: bytes.count) }
            self = .shared(bytes)
        } else if let bytes = Self.bytes(of: text, behind: "whsk_") {
            guard bytes.count == 32 || bytes.count == 64 else { throw .wrongLength(count: bytes.count) }
            let seed = [UInt8](bytes.prefix(32))
            guard let key = try? Curve25519.Signing.PrivateKey(rawRepresentation: seed),
                bytes.count == 32 || bytes.dropFirst(32).elementsEqual(key.publicKey.rawRepresentation)
            else { throw .malformed }
            self = .signing(seed: seed)
        } else {
            throw .malformed
        }
    }

    /// The text that shows the secret to its owner; a signing key's is the seed and the public key.
    public var text: String {
        switch self {
        case .shared(let bytes): "whsec_" + Data(bytes).base64EncodedString()
        case .signing(let seed): "whsk_" + Data(seed + (publicKey ?? [])).base64EncodedString()
        }
    }

    /// The text of the public key that verifies a signing key's signatures, `whpk_` and base64; nil for a shared secret.
    public var publicText: String? { publicKey.map { "whpk_" + Data($0).base64EncodedString() } }

    /// One signature of `content`: its version, a comma, and base64.
    func signature(of content: [UInt8]) -> String? {
        switch self {
        case .shared(let bytes):
            let code = HMAC<SHA256>.authenticationCode(for: content, using: SymmetricKey(data: bytes))
            return "v1," + Data(code).base64EncodedString()
        case .signing(let seed):
            guard let key = try? Curve25519.Signing.PrivateKey(rawRepresentation: seed),
                let signature = try? key.signature(for: content)
            else { return nil }
            return "v1a," + signature.base64EncodedString()
        }
    }

    private var publicKey: [UInt8]? {
        guard case .signing(let seed) = self else { return nil }
        return (try? Curve25519.Signing.PrivateKey(rawRepresentation: seed)).map {
            [UInt8]($0.publicKey.rawRepresentation)
        }
    }

    static func bytes(of text: String, behind prefix: String) -> [UInt8]? {
        guard text.utf8.starts(with: prefix.utf8) else { return nil }
        return Data(base64Encoded: String(text.dropFirst(prefix.count))).map { [UInt8]($0) }
    }
}
