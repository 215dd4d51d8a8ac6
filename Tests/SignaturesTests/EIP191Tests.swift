import Ethereum
import Foundation
import Signatures
import TestSupport
import Testing

/// One claim of `Tests/Fixtures/eip191.json`.
struct SignatureVector: Decodable, Sendable, CustomTestStringConvertible {
    let name: String
    let message: String
    let messageHex: String
    let digest: String
    let address: String
    let signature: String
    let valid: Bool
    let compact: Bool
    let validIfCompactAccepted: Bool?
    let reason: String?
    var testDescription: String { name }

    static let all: [SignatureVector] = {
        struct Document: Decodable { let vectors: [SignatureVector] }
        let tests = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        do {
            let data = try Data(contentsOf: tests.appending(path: "Fixtures/eip191.json"))
            return try decoder.decode(Document.self, from: data).vectors
        } catch {
            preconditionFailure("Tests/Fixtures/eip191.json cannot be read: \(error)")
        }
    }()

    /// Whether the claim holds, as the API judges it.
    func holds(allowCompact: Bool) -> Bool {
        guard let signature = try? EIP191.signature(hex: signature), let address = try? Address(hex: address),
            let signer = try? EIP191.recoverSigner(
                of: Array(message.utf8), signature: signature, allowCompact: allowCompact)
        else { return false }
        return signer == address
    }

    /// What `tocsin verify-signature` prints for the claim, read back.
    func line() throws -> [String: Any] {
        let json = try JSONEncoder().encode(["message": message, "signature": signature, "address": address])
        let text = SignatureLine.verify(json: [UInt8](json))
        return try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    }
}

@Suite("EIP-191 signatures")
struct EIP191Tests {
    @Test("the vectors are all there")
    func counts() {
        #expect(SignatureVector.all.count == 97)
        #expect(SignatureVector.all.count { $0.valid } == 33)
        #expect(SignatureVector.all.count { $0.compact } == 7)
    }

    @Test("digests are those of personal_sign", arguments: SignatureVector.all)
    func digest(_ vector: SignatureVector) throws {
        #expect(Hex.encode(Array(vector.message.utf8)) == vector.messageHex)
        #expect(EIP191.digest(Array(vector.message.utf8)).description == vector.digest)
    }

    @Test("judges every claim of the published vectors", arguments: SignatureVector.all)
    func verdict(_ vector: SignatureVector) throws {
        #expect(vector.holds(allowCompact: false) == vector.valid)
        let line = try vector.line()
        #expect(line.count == 3)
        #expect(line["valid"] as? Bool == vector.valid)
        #expect(line["reason"] as? String == vector.reason)
        if vector.valid {
            #expect((line["recovered"] as? String)?.lowercased() == vector.address.lowercased())
        }
    }

    @Test("judges compact signatures where they are accepted", arguments: SignatureVector.all.filter { $0.compact })
    func compact(_ vector: SignatureVector) throws {
        #expect(vector.holds(allowCompact: true) == vector.validIfCompactAccepted)
    }

    @Test("every claim that needs no compact form stays as it is where they are accepted")
    func strictStaysStrict() {
        for vector in SignatureVector.all where !vector.compact {
            #expect(vector.holds(allowCompact: true) == vector.valid)
        }
    }

    @Test("recovers whoever signed")
    func roundTrip() throws {
        for index in 0..<100 {
            let wallet = TestWallet("wallet \(index)")
            let message = String(repeating: "é", count: index)
            let signature = wallet.sign(message)
            #expect(try EIP191.recoverSigner(of: Array(message.utf8), signature: signature) == wallet.address)
            var compact = [UInt8](signature.prefix(64))
            if signature[64] == 28 { compact[32] |= 0x80 }
            #expect(
                try EIP191.recoverSigner(of: Array(message.utf8), signature: compact, allowCompact: true)
                    == wallet.address)
            #expect(throws: SignatureError.wrongLength(count: 64)) {
                try EIP191.recoverSigner(of: Array(message.utf8), signature: compact)
            }
        }
    }

    @Test("random signatures recover some account or none, and never that of a wallet")
    func randomBytes() {
        var random = SeededGenerator.printed()
        let wallet = TestWallet("owner")
        var recovered = 0
        for _ in 0..<3_000 {
            var signature = random.bytes(65)
            signature[64] = 27 + signature[64] % 2
            signature[32] &= 0x3f
            guard let signer = try? EIP191.recoverSigner(of: [], signature: signature) else { continue }
            recovered += 1
            #expect(signer != wallet.address)
        }
        #expect(recovered > 500)
    }

    @Test("many tasks share the curve's context")
    func concurrent() async throws {
        let wallet = TestWallet("shared")
        let signature = wallet.sign("hello")
        try await withThrowingTaskGroup(of: Address.self) { group in
            for _ in 0..<200 {
                group.addTask { try EIP191.recoverSigner(of: Array("hello".utf8), signature: signature) }
            }
            for try await signer in group { #expect(signer == wallet.address) }
        }
    }

    @Test(
        "answers anything with a verdict",
        arguments: [
            "", "{}", "[]", "null", "\"text\"", "{\"message\":1,\"signature\":\"\",\"address\":\"\"}",
            "{\"message\":\"\\ud800\"",
            "{\"message\":\"a\",\"signature\":null,\"address\":\"0x\"}", "\u{0}", "{\"message\":\"a\"}",
        ])
    func anything(_ text: String) throws {
        let verdict = Data(SignatureLine.verify(json: Array(text.utf8)).utf8)
        let line = try #require(try JSONSerialization.jsonObject(with: verdict) as? [String: Any])
        #expect(line["valid"] as? Bool == false)
        #expect(line["recovered"] is NSNull)
        #expect(line["reason"] is String)
    }
}
