import Domain
import Foundation
import Testing

@testable import Dispatchers

@Suite struct MessageIDTests {
    static let organization = UUID(uuidString: "550E8400-E29B-41D4-A716-446655440001")!

    @Test("base32 of RFC 4648, in lower case", arguments: [("f", "my"), ("foo", "mzxw6"), ("foobar", "mzxw6ytboi")])
    func base32(text: String, expected: String) {
        #expect(MessageID.base32(Array(text.utf8) + [0], characters: expected.utf8.count) == expected)
    }

    @Test("one id for one delivery, another for any other; no dot, no surprise")
    func identity() {
        func id(
            _ organization: UUID = Self.organization, _ action: Int64 = 1, _ event: Int64 = 2,
            _ kind: DeliveryKind = .notification
        )
            -> String
        {
            MessageID.make(organization: organization, actionID: action, eventID: EventID(rawValue: event), kind: kind)
        }
        #expect(id() == id())
        let others = [
            id(UUID()), id(Self.organization, 12, 2), id(Self.organization, 1, 22),
            id(Self.organization, 1, 2, .retraction),
        ]
        #expect(Set(others + [id()]).count == 5)
        #expect(id().hasPrefix("msg_") && id().utf8.count == 30)
        #expect(id().dropFirst(4).allSatisfy { "abcdefghijklmnopqrstuvwxyz234567".contains($0) })
        // Ids must not change between versions: receivers tell repetitions by them.
        #expect(id() == "msg_cwbyya7x7h27qm54tzxsz5codi")
    }
}
