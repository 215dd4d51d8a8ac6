public import Ethereum

/// Personal messages, signed by a wallet as `personal_sign` does.
///
/// - SeeAlso: EIP-191, version `0x45`; EIP-2 for the bound on `s`; EIP-2098 for the compact form.
public enum EIP191 {
    /// What a wallet signs for `message`: the hash of a prefix, the count of bytes in decimal, and the message itself.
    public static func digest(_ message: [UInt8]) -> Hash {
        var bytes = Array("\u{19}Ethereum Signed Message:\n\(message.count)".utf8)
        bytes.append(contentsOf: message)
        return Keccak256.hash(bytes)
    }

    /// Recovers the account that signed a personal message.
    ///
    /// - Parameters:
    ///   - message: the exact bytes that were shown to the wallet, of any size.
    ///   - signature: 65 bytes, `r ‖ s ‖ v`. `v` is 0, 1, 27 or 28; `s` is in the lower half of the order.
    ///   - allowCompact: whether 64 bytes, with the parity in the top bit of `s`, are accepted too.
    /// - Throws: what is wrong with the signature. A signature by someone else is not wrong: it recovers that account.
    public static func recoverSigner(
        of message: [UInt8], signature: [UInt8], allowCompact: Bool = false
    ) throws(SignatureError) -> Address {
        try recoverSigner(ofDigest: digest(message), signature: signature, allowCompact: allowCompact)
    }

    /// Recovers the account that signed `digest`, see ``recoverSigner(of:signature:allowCompact:)``.
    public static func recoverSigner(
        ofDigest digest: Hash, signature: [UInt8], allowCompact: Bool = false
    ) throws(SignatureError) -> Address {
        var compact = [UInt8](signature.prefix(64))
        let recoveryID: Int32
        switch signature.count {
        case 65:
            switch signature[64] {
            case 0, 27: recoveryID = 0
            case 1, 28: recoveryID = 1
            case let other: throw .wrongRecoveryID(other)
            }
        case 64 where allowCompact:
            recoveryID = Int32(compact[32] >> 7)
            compact[32] &= 0x7f
        default: throw .wrongLength(count: signature.count)
        }
        guard let r = Hash(bytes: compact[..<32]), let s = Hash(bytes: compact[32...]) else {
            throw .wrongLength(count: signature.count)
        }
        guard r != .zero, UInt256(r) < order else { throw .rOutOfRange }
        guard s != .zero, UInt256(s) < order else { throw .sOutOfRange }
        guard UInt256(s) <= order >> 1 else { throw .highS }
        guard let key = Secp256k1.shared.publicKey(digest: digest, compact: compact, recoveryID: recoveryID) else {
            throw .unrecoverable
        }
        return Address(lowerBytesOf: Keccak256.hash(key))
    }

    /// The bytes of a signature written as `0x` and hexadecimal digits of either case.
    public static func signature(hex: some StringProtocol) throws(SignatureError) -> [UInt8] {
        do throws(HexError) { return try Hex.decode(hex) } catch { throw .notHex }
    }

    /// The order of the curve's group.
    private static let order: UInt256 = {
        guard let order = try? UInt256(hex: "0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141") else {
            preconditionFailure("the order of secp256k1 is written in hexadecimal")
        }
        return order
    }()
}
