import Domain
import Foundation
import JWTKit

/// Issues and checks the bearer tokens: JWT, HS256 and nothing else, valid for an hour.
///
/// - SeeAlso: RFC 7519; RFC 8725 for why the algorithm is fixed here and not read from the token.
struct Tokens: Sendable {
    static let lifetime: TimeInterval = 3600
    /// How far the clocks of the nodes may disagree.
    static let leeway: TimeInterval = 60
    /// Longer tokens are not even looked at; ours have about 250 bytes.
    private static let longest = 4096

    private struct Claims: JWTPayload {
        let sub: SubjectClaim
        let username: String
        let iat: IssuedAtClaim
        let exp: ExpirationClaim

        // The times are checked by `verify(_:at:)`, which has the clock and the leeway.
        func verify(using algorithm: some JWTAlgorithm) {}
    }

    private let keys: JWTKeyCollection

    /// - Parameter secret: at least 32 bytes, which `APISettings` has checked.
    init(secret: [UInt8]) async {
        keys = await JWTKeyCollection().add(hmac: HMACKey(from: secret), digestAlgorithm: .sha256)
    }

    /// A token for `account`, valid from `now` on.
    func issue(to account: Account, at now: Date) async throws -> String {
        try await keys.sign(
            Claims(
                sub: .init(value: account.id.text), username: account.username, iat: .init(value: now),
                exp: .init(value: now.addingTimeInterval(Self.lifetime))))
    }

    /// Whom a token speaks for, and until when.
    struct Verified: Sendable {
        let account: Account
        /// When the token is refused, its leeway included.
        let end: Date
    }

    /// Whom `token` speaks for at `now`.
    func verify(_ token: String, at now: Date) async throws(TokenProblem) -> Verified {
        try Self.checkShape(token)
        let claims: Claims
        do {
            claims = try await keys.verify(token, as: Claims.self)
        } catch let error as JWTError where error.errorType == .signatureVerificationFailed {
            throw .wrongSignature
        } catch {
            throw .malformed
        }
        let end = claims.exp.value.addingTimeInterval(Self.leeway)
        guard now < end else { throw .expired }
        guard claims.iat.value.timeIntervalSince(now) < Self.leeway, let id = UserID(text: claims.sub.value) else {
            throw .malformed
        }
        return Verified(account: Account(id: id, username: claims.username), end: end)
    }

    /// Refuses other algorithms and second spellings of a signature before any key is touched.
    private static func checkShape(_ token: String) throws(TokenProblem) {
        guard token.utf8.count <= longest else { throw .malformed }
        let parts = token.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 3, let bytes = decoded(parts[0]), let header = try? JSONReader.read(bytes) else {
            throw .malformed
        }
        guard header["alg"] == .string("HS256") else { throw .wrongAlgorithm }
        guard header["typ"] ?? .string("JWT") == .string("JWT"), header["crit"] == nil else { throw .malformed }
        // 32 bytes are 43 digits, the last of which has two bits to spare: they must be clear, or one signature could
        // be written in four ways.
        guard let signature = decoded(parts[2]), signature.count == 32, parts[2].elementsEqual(encoded(signature))
        else {
            throw .wrongSignature
        }
    }

    private static func decoded(_ text: Substring.UTF8View) -> [UInt8]? {
        let standard = String(decoding: text, as: UTF8.self).replacing("-", with: "+").replacing("_", with: "/")
        let padding = String(repeating: "=", count: (4 - standard.utf8.count % 4) % 4)
        return Data(base64Encoded: standard + padding).map { [UInt8]($0) }
    }

    private static func encoded(_ bytes: [UInt8]) -> String.UTF8View {
        Data(bytes).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
            .utf8
    }
}
