import Domain
import Ethereum
import Foundation

/// The id of a message, the same on every attempt and replay: a receiver's key to tell a repetition.
///
/// `msg_` and 26 characters of base32, 130 bits of a hash over what the delivery is. Nothing that a user or a contract
/// writes goes into it; the organization's random UUID keeps two installations apart.
enum MessageID {
    static func make(organization: UUID, actionID: Int64, eventID: EventID, kind: DeliveryKind) -> String {
        let identity =
            "tocsin.delivery \(organization.uuidString) \(actionID) \(eventID.rawValue) \(kind.rawValue)"
        return "msg_" + base32(Keccak256.hash(Array(identity.utf8)).bytes, characters: 26)
    }

    /// The first bits of `bytes`, five to a character.
    ///
    /// - SeeAlso: RFC 4648, section 6, in lower case.
    static func base32(_ bytes: [UInt8], characters: Int) -> String {
        let alphabet = Array("abcdefghijklmnopqrstuvwxyz234567".utf8)
        var text: [UInt8] = []
        var buffer: UInt32 = 0
        var bits: UInt32 = 0
        for byte in bytes {
            buffer = (buffer << 8 | UInt32(byte)) & 0xfff
            bits += 8
            while bits >= 5, text.count < characters {
                bits -= 5
                text.append(alphabet[Int(buffer >> bits & 0x1f)])
            }
        }
        return String(decoding: text, as: UTF8.self)
    }
}
