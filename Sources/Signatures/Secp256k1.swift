import CSecp256k1
import Ethereum

/// The curve's library, with the one context that all calls share.
final class Secp256k1: Sendable {
    static let shared = Secp256k1()

    /// Never changed once made, which is what makes concurrent use safe; the library asks for no more.
    private nonisolated(unsafe) let context: OpaquePointer

    private init() {
        guard let context = secp256k1_context_create(UInt32(SECP256K1_CONTEXT_NONE)) else {
            preconditionFailure("libsecp256k1 makes a context")
        }
        // Blinds the arithmetic against side channels; recovery knows no secret, so this is for signing alone.
        var generator = SystemRandomNumberGenerator()
        let seed = (0..<32).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
        precondition(secp256k1_context_randomize(context, seed) == 1, "libsecp256k1 takes 32 bytes of randomness")
        self.context = context
    }

    deinit { secp256k1_context_destroy(context) }

    /// The 64 bytes of the public key that signed `digest`; nil if none fits.
    ///
    /// `compact` is `r ‖ s`, 64 bytes in range; `recoveryID` is 0 or 1.
    func publicKey(digest: Hash, compact: [UInt8], recoveryID: Int32) -> [UInt8]? {
        precondition(compact.count == 64 && (0...3).contains(recoveryID), "the caller checked the signature's shape")
        var signature = secp256k1_ecdsa_recoverable_signature()
        guard secp256k1_ecdsa_recoverable_signature_parse_compact(context, &signature, compact, recoveryID) == 1
        else { return nil }
        var key = secp256k1_pubkey()
        guard secp256k1_ecdsa_recover(context, &key, &signature, digest.bytes) == 1 else { return nil }
        var bytes = [UInt8](repeating: 0, count: 65)
        var count = bytes.count
        guard secp256k1_ec_pubkey_serialize(context, &bytes, &count, &key, UInt32(SECP256K1_EC_UNCOMPRESSED)) == 1,
            count == 65
        else { return nil }
        return [UInt8](bytes.dropFirst())
    }
}
