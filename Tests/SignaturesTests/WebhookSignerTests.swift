import Foundation
import Signatures
import Testing

@Suite("Webhook signatures")
struct WebhookSignerTests {
    static let id = "msg_p5jXN8AQM9LWM0D4loKWxJek"
    static let timestamp: Int64 = 1_614_265_330
    static let body = Array("{\"test\": 2432232314}".utf8)

    // Source: the published vectors of Standard Webhooks 1.0.0.
    static let shared = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    static let sharedSignature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    static let signing =
        "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg=="
    static let signingSignature =
        "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg=="
    static let publicKey = "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="

    private func sign(_ secrets: [String]) throws -> String {
        WebhookSigner.sign(
            id: Self.id, timestamp: Self.timestamp, body: Self.body, secrets: try secrets.map { try WebhookSecret($0) })
    }

    private func isValid(
        _ header: String, verifiers: [String], id: String = id, timestamp: Int64 = timestamp, body: [UInt8] = body,
        now: Int64 = timestamp
    ) throws -> Bool {
        WebhookSigner.isValid(
            header: header, id: id, timestamp: timestamp, body: body,
            verifiers: try verifiers.map { try WebhookVerifier($0) }, now: now)
    }

    @Test("signs as the published vectors do")
    func vectors() throws {
        #expect(try sign([Self.shared]) == Self.sharedSignature)
        #expect(try isValid(Self.signingSignature, verifiers: [Self.publicKey]))

        let own = try sign([Self.signing])
        #expect(own == Self.signingSignature)
        #expect(try isValid(own, verifiers: [Self.publicKey]))
        #expect(try WebhookSecret(Self.signing).publicText == Self.publicKey)
        #expect(try WebhookSecret(Self.signing).text == Self.signing)
        #expect(try WebhookSecret(Self.shared).text == Self.shared)
        #expect(try WebhookSecret(Self.shared).publicText == nil)
    }

    @Test("signs once for each secret, so that they can be rotated")
    func rotation() throws {
        let new = WebhookSecret.random().text
        let header = try sign([new, Self.shared, Self.signing])
        #expect(header.split(separator: " ").count == 3)
        #expect(header.split(separator: " ")[1] == Self.sharedSignature)
        for verifier in [new, Self.shared, Self.publicKey] { #expect(try isValid(header, verifiers: [verifier])) }
        #expect(try !isValid(header, verifiers: [WebhookSecret.random().text]))
        #expect(try isValid("v9,whatever \(Self.sharedSignature)", verifiers: [Self.shared]))
        #expect(try sign([]) == "")
        #expect(try !isValid("", verifiers: [Self.shared]))
    }

    @Test("refuses what was altered, and what is too old or too new")
    func refusals() throws {
        let header = "\(Self.sharedSignature) \(Self.signingSignature)"
        let verifiers = [Self.shared, Self.publicKey]
        #expect(try isValid(header, verifiers: verifiers))
        #expect(try !isValid(header, verifiers: verifiers, id: "msg_other"))
        #expect(try !isValid(header, verifiers: verifiers, body: Self.body + [0]))
        #expect(try !isValid(header, verifiers: verifiers, timestamp: Self.timestamp + 1))
        #expect(try isValid(header, verifiers: verifiers, now: Self.timestamp + 300))
        #expect(try isValid(header, verifiers: verifiers, now: Self.timestamp - 300))
        #expect(try !isValid(header, verifiers: verifiers, now: Self.timestamp + 301))
        #expect(try !isValid(header, verifiers: verifiers, now: Self.timestamp - 301))
        #expect(try !isValid(header, verifiers: verifiers, now: .min))
        #expect(try !isValid("v1,\(String(repeating: "A", count: 43))=", verifiers: verifiers))
        #expect(try !isValid("v1a,", verifiers: verifiers))
        #expect(try !isValid("v1a,!!!", verifiers: verifiers))
    }

    static let wrongSecrets: [(String, SecretError)] = [
        ("", SecretError.malformed), ("whsec_", .wrongLength(count: 0)), ("whsec_!!", .malformed),
        ("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", .malformed), ("WHSEC_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", .malformed),
        (encoded("whsec_", count: 23), .wrongLength(count: 23)),
        (encoded("whsec_", count: 65), .wrongLength(count: 65)),
        (encoded("whsk_", count: 31), .wrongLength(count: 31)),
        (encoded("whsk_", count: 64), .malformed),
        ("whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=", .malformed),
    ]

    @Test("refuses other secrets", arguments: wrongSecrets)
    func wrongSecret(_ text: String, _ error: SecretError) {
        #expect(throws: error) { try WebhookSecret(text) }
    }

    private static func encoded(_ prefix: String, count: Int) -> String {
        prefix + Data(repeating: 1, count: count).base64EncodedString()
    }

    @Test("new secrets differ and read back")
    func randomSecrets() throws {
        let secrets = Set((0..<50).map { _ in WebhookSecret.random().text })
        #expect(secrets.count == 50)
        for secret in secrets { #expect(try WebhookSecret(secret).text == secret) }
    }
}
