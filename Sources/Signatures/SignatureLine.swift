import Ethereum
import Foundation

/// One claim that an account signed a message, judged for people.
public enum SignatureLine {
    /// Whether `{"message","signature","address"}` holds, as one JSON object `{"valid","recovered","reason"}` on one line.
    ///
    /// `recovered` is the account that did sign, or null; `reason` says why a claim does not hold, or is null. `json` may
    /// be anything.
    public static func verify(json: [UInt8]) -> String {
        guard let claim = try? JSONDecoder().decode(Claim.self, from: Data(json)) else {
            return verdict(recovered: nil, reason: "not a JSON object with message, signature and address as strings")
        }
        do throws(SignatureError) {
            let signature = try EIP191.signature(hex: claim.signature)
            let signer = try EIP191.recoverSigner(of: Array(claim.message.utf8), signature: signature)
            return verdict(recovered: signer, reason: objection(to: claim.address, signer: signer))
        } catch { return verdict(recovered: nil, reason: error.description) }
    }

    /// Why `text` is not the address of `signer`; nil if it is.
    private static func objection(to text: String, signer: Address) -> String? {
        do throws(AddressError) {
            return try Address(hex: text) == signer ? nil : "recovered address differs"
        } catch {
            return switch error {
            case .malformed: "address: not 0x + 40 hex digits"
            case .wrongChecksum: "address: bad EIP-55 checksum"
            }
        }
    }

    private struct Claim: Decodable {
        let message: String
        let signature: String
        let address: String
    }

    /// The texts are this file's and the errors', so that nothing in them needs escaping.
    private static func verdict(recovered: Address?, reason: String?) -> String {
        let recovered = recovered.map { "\"\($0.checksummed)\"" } ?? "null"
        return
            "{\"valid\":\(reason == nil),\"recovered\":\(recovered),\"reason\":\(reason.map { "\"\($0)\"" } ?? "null")}"
    }
}
