import Ethereum
import Testing

@Suite("ABI against published vectors")
struct ABIVectorTests {
    typealias Fixture = KeccakABIFixture

    @Test("the vectors are all there")
    func counts() {
        #expect(Fixture.shared.selectors.count == 67)
        #expect(Fixture.shared.callEncode.count == 31)
        #expect(Fixture.shared.callDecode.count == 37)
        #expect(Fixture.shared.revertDecode.count == 38)
    }

    @Test("selects functions", arguments: Fixture.shared.selectors)
    func selector(_ vector: Fixture.Selector) throws {
        let function = try ABIFunction(vector.signature)
        #expect(UInt64(function.selector) == (try Hex.quantity(vector.selector)))
        #expect(function.selector == ABI.selector(of: vector.signature))
    }

    @Test("encodes calls", arguments: Fixture.shared.callEncode)
    func encode(_ vector: Fixture.Call) throws {
        let function = try ABIFunction(vector.signature)
        let values = try zip(function.types, vector.args).map { try ABIValue($1, as: $0) }
        let data = try ABI.encodeCall(vector.signature, values)
        #expect(Hex.encode(data) == vector.calldata)
        #expect(try ABI.decode(function.types, from: [UInt8](data.dropFirst(4))) == values)
    }

    @Test("decodes answers, and refuses those that are none", arguments: Fixture.shared.callDecode)
    func decode(_ vector: Fixture.Answer) throws {
        let types = try vector.types.map { try #require(ABIType($0)) }
        let data = try Hex.decode(vector.returndata)
        guard vector.expect == "ok" else {
            #expect(throws: ABIError.self) { try ABI.decode(types, from: data) }
            return
        }
        let values = try ABI.decode(types, from: data)
        #expect(values.map(Fixture.Value.init) == vector.values)
        for (index, utf8) in vector.utf8 ?? [:] {
            let value = values[try #require(Int(index))]
            #expect(value.string.map { Hex.encode(Array($0.utf8)) } == utf8)
        }
    }

    @Test("tells why a call reverted", arguments: Fixture.shared.revertDecode)
    func revert(_ vector: Fixture.Revert) throws {
        let arguments = vector.args ?? []
        switch RevertReason.decode(try Hex.decode(vector.data)) {
        case .message(let message):
            #expect(vector.kind == "error_string")
            #expect(arguments == [.text(message)])
        case .panic(let code):
            #expect(vector.kind == "panic")
            #expect(arguments == [.text(code.description)])
        case .custom(let signature, let values):
            #expect(vector.kind == "custom")
            #expect(signature == vector.signature)
            #expect(values.map(Fixture.Value.init) == arguments)
        case .unknown(let selector):
            #expect(vector.kind == "unknown")
            #expect(try Hex.quantity(try #require(vector.selector)) == UInt64(selector))
        case .empty: #expect(vector.kind == "empty")
        case .malformed: #expect(vector.kind == "malformed")
        }
    }

    @Test(
        "names revert reasons for people",
        arguments: [
            (RevertReason.message("Not authorized"), "Not authorized"), (.panic(UInt256(0x11)), "Panic(0x11)"),
            (
                .custom(signature: "ERC721NonexistentToken(uint256)", arguments: [.uint(22721)]),
                "ERC721NonexistentToken(22721)"
            ),
            (.unknown(selector: 0x54), "reverted with unknown error 0x00000054"),
        ])
    func reasonText(_ reason: RevertReason, _ text: String) { #expect(reason.description == text) }
}

extension ABIValue {
    /// The value of `type` that a vector writes as `value`.
    init(_ value: KeccakABIFixture.Value, as type: ABIType) throws {
        switch (type, value) {
        case (.uint, .text(let text)): self = .uint(try #require(UInt256(decimal: text)))
        case (.int, .text(let text)): self = .int(try #require(Int256(decimal: text)))
        case (.address, .text(let text)): self = .address(try Address(hex: text))
        case (.bool, .flag(let flag)): self = .bool(flag)
        case (.fixedBytes, .text(let text)): self = .fixedBytes(try Hex.decode(text))
        case (.bytes, .text(let text)): self = .bytes(try Hex.decode(text))
        case (.string, .text(let text)): self = .string(text)
        case (.array(let element), .list(let values)), (.fixedArray(let element, _), .list(let values)):
            self = .array(try values.map { try ABIValue($0, as: element) })
        case (.tuple(let types), .list(let values)):
            self = .tuple(try zip(types, values).map { try ABIValue($1, as: $0) })
        default: throw ABIError.mismatch(type: type.description)
        }
    }
}

extension KeccakABIFixture.Value {
    /// `value` as the vectors write it.
    init(_ value: ABIValue) {
        switch value {
        case .bool(let flag): self = .flag(flag)
        case .array(let values), .tuple(let values): self = .list(values.map(Self.init))
        case .uint, .int, .address, .fixedBytes, .bytes, .string: self = .text(value.description)
        }
    }
}
