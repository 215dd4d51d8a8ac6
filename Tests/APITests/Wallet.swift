import CSecp256k1
import Ethereum
import Signatures

/// A private key that signs personal messages, as a wallet does.
struct Wallet: Sendable {
    private let key: [UInt8]
    let address: Address

    /// The wallet whose private key is `byte`, 32 times; `byte` is not 0.
    init(_ byte: UInt8) throws {
        key = [UInt8](repeating: byte, count: 32)
        address = try EIP191.recoverSigner(of: [1], signature: Self.sign([1], key))
    }

    /// The signature of `text`: `0x`, r, s and v in hexadecimal.
    func sign(_ text: String) throws -> String { Hex.encode(try Self.sign(Array(text.utf8), key)) }

    private static func sign(_ message: [UInt8], _ key: [UInt8]) throws -> [UInt8] {
        guard let context = secp256k1_context_create(UInt32(SECP256K1_CONTEXT_NONE)) else { throw Failure() }
        defer { secp256k1_context_destroy(context) }
        var signature = secp256k1_ecdsa_recoverable_signature()
        let digest = EIP191.digest(message).bytes
        guard secp256k1_ecdsa_sign_recoverable(context, &signature, digest, key, nil, nil) == 1 else { throw Failure() }
        var bytes = [UInt8](repeating: 0, count: 64)
        var recovery: Int32 = 0
        secp256k1_ecdsa_recoverable_signature_serialize_compact(context, &bytes, &recovery, &signature)
        return bytes + [UInt8(27 + recovery)]
    }

    struct Failure: Error {}
}
