import CSecp256k1
public import Ethereum

/// An account with its private key, which signs as wallets do.
public struct TestWallet: Sendable {
    /// The account.
    public let address: Address
    private let key: [UInt8]

    /// The wallet whose private key is the hash of `name`; the same name gives the same account.
    public init(_ name: String) {
        key = Keccak256.hash(name).bytes
        let context = Context()
        var point = secp256k1_pubkey()
        precondition(secp256k1_ec_pubkey_create(context.raw, &point, key) == 1, "the hash is a private key")
        var bytes = [UInt8](repeating: 0, count: 65)
        var count = bytes.count
        precondition(
            secp256k1_ec_pubkey_serialize(context.raw, &bytes, &count, &point, UInt32(SECP256K1_EC_UNCOMPRESSED)) == 1,
            "a public key is written in 65 bytes")
        address = Address(lowerBytesOf: Keccak256.hash([UInt8](bytes.dropFirst())))
    }

    /// The 65 bytes `r ‖ s ‖ v` that `personal_sign` answers for `message`, `v` being 27 or 28.
    public func sign(_ message: String) -> [UInt8] {
        let message = Array(message.utf8)
        let prefix = Array("\u{19}Ethereum Signed Message:\n\(message.count)".utf8)
        return sign(digest: Keccak256.hash(prefix + message))
    }

    /// The 65 bytes `r ‖ s ‖ v` of a signature of `digest`.
    public func sign(digest: Hash) -> [UInt8] {
        let context = Context()
        var signature = secp256k1_ecdsa_recoverable_signature()
        precondition(
            secp256k1_ecdsa_sign_recoverable(context.raw, &signature, digest.bytes, key, nil, nil) == 1,
            "every digest can be signed")
        var bytes = [UInt8](repeating: 0, count: 64)
        var recoveryID: Int32 = 0
        secp256k1_ecdsa_recoverable_signature_serialize_compact(context.raw, &bytes, &recoveryID, &signature)
        return bytes + [27 + UInt8(recoveryID)]
    }

    private struct Context: ~Copyable {
        let raw: OpaquePointer

        init() {
            guard let raw = secp256k1_context_create(UInt32(SECP256K1_CONTEXT_NONE)) else {
                preconditionFailure("libsecp256k1 makes a context")
            }
            self.raw = raw
        }

        deinit { secp256k1_context_destroy(raw) }
    }
}
