/// Why a signature proves nothing.
public enum SignatureError: Error, Equatable {
    /// The signature is not `0x` and whole bytes in hexadecimal.
    case notHex
    /// The signature is neither 65 bytes nor, where allowed, 64; `count` is how many it is.
    case wrongLength(count: Int)
    /// The last byte, `v`, is not 0, 1, 27 or 28.
    case wrongRecoveryID(UInt8)
    /// `r` is 0 or not below the order of the curve.
    case rOutOfRange
    /// `s` is 0 or not below the order of the curve.
    case sOutOfRange
    /// `s` lies in the upper half of the order, where anybody can move a signature without the key.
    case highS
    /// No key fits: `r` is not the x coordinate of a point.
    case unrecoverable
}

extension SignatureError: CustomStringConvertible {
    /// What is wrong, for the one who signed.
    public var description: String {
        switch self {
        case .notHex: "signature: not 0x hex"
        case .wrongLength(let count): "signature: length \(count) bytes"
        case .wrongRecoveryID: "signature: v is not 0, 1, 27 or 28"
        case .rOutOfRange: "signature: r out of range"
        case .sOutOfRange: "signature: s out of range"
        case .highS: "signature: high s (malleable)"
        case .unrecoverable: "r is not the x coordinate of a curve point"
        }
    }
}

/// Why a secret, a key or a sealed value cannot be used.
public enum SecretError: Error, Equatable {
    /// The text lacks the prefix of its kind (`whsec_`, `whsk_`, `whpk_`) or is not base64 behind it.
    case malformed
    /// The key has another length than its kind asks for; `count` is its bytes.
    case wrongLength(count: Int)
    /// No keys were given.
    case noKeys
    /// The value was sealed with a key that is not among those given; `id` names it.
    case unknownKey(id: String)
    /// The value was altered, cut short, or sealed for another context.
    case notAuthentic
}
