import Crypto
import Ethereum
import Foundation

/// Seals secrets for storage with AES-256-GCM.
///
/// A sealed value is the key's id (4 bytes), the nonce (12), the ciphertext and the tag (16). The id and a context, such
/// as the row that holds the value, are authenticated with it, so that a value moved elsewhere does not open.
public struct SecretBox: Sendable {
    /// How many bytes a sealed value has beyond its content.
    public static let overhead = idLength + nonceLength + tagLength

    private static let idLength = 4
    private static let nonceLength = 12
    private static let tagLength = 16

    private let keys: [(id: [UInt8], key: SymmetricKey)]

    /// A box that seals with the first of `keys` and opens with any of them; each has 32 bytes.
    public init(keys: [[UInt8]]) throws(SecretError) {
        guard !keys.isEmpty else { throw .noKeys }
        self.keys = try keys.map { (bytes) throws(SecretError) in
            guard bytes.count == 32 else { throw .wrongLength(count: bytes.count) }
            return ([UInt8](SHA256.hash(data: bytes).prefix(Self.idLength)), SymmetricKey(data: bytes))
        }
    }

    /// The id of the key that seals, as 8 hexadecimal digits.
    public var keyID: String { Self.text(ofID: keys[0].id) }

    /// The id of the key that `sealed` needs, as 8 hexadecimal digits; nil if it is too short to have one.
    public static func keyID(of sealed: [UInt8]) -> String? {
        sealed.count >= overhead ? text(ofID: sealed.prefix(idLength)) : nil
    }

    /// Seals `content` for `context`, with a new random nonce each time.
    public func seal(_ content: [UInt8], context: String) throws(SecretError) -> [UInt8] {
        let (id, key) = keys[0]
        guard let box = try? AES.GCM.seal(content, using: key, authenticating: id + Array(context.utf8)),
            let combined = box.combined
        else { throw .notAuthentic }
        return id + combined
    }

    /// The content of `sealed`, which was sealed for `context` with one of the keys.
    public func open(_ sealed: [UInt8], context: String) throws(SecretError) -> [UInt8] {
        guard let id = Self.keyID(of: sealed) else { throw .notAuthentic }
        let prefix = [UInt8](sealed.prefix(Self.idLength))
        guard let key = keys.first(where: { $0.id == prefix })?.key else { throw .unknownKey(id: id) }
        guard let box = try? AES.GCM.SealedBox(combined: sealed.dropFirst(Self.idLength)),
            let content = try? AES.GCM.open(box, using: key, authenticating: prefix + Array(context.utf8))
        else { throw .notAuthentic }
        return [UInt8](content)
    }

    private static func text(ofID id: some Collection<UInt8>) -> String { String(Hex.encode(id).dropFirst(2)) }
}
