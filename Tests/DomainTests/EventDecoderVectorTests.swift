import Domain
import Ethereum
import Foundation
import Testing

/// The vectors of `Tests/Fixtures/abi-events.json` and the logs of `Tests/Fixtures/real-logs.json`.
@Suite("Event decoder against published logs")
struct EventDecoderVectorTests {
    static let vectors = LogVector.load("abi-events.json", key: "vectors")
    static let realLogs = LogVector.load("real-logs.json", key: "logs")

    @Test("the fixtures are whole")
    func counts() {
        #expect(Self.vectors.count == 150)
        #expect(Self.vectors.count { $0.expect == "ok" } == 103)
        #expect(Self.vectors.count { $0.expect == "error" } == 44)
        #expect(Self.vectors.count { $0.expect == "unknown" } == 3)
        #expect(Self.realLogs.count == 395)
        #expect(EventLayouts.all.count == 30)
    }

    @Test("decodes valid logs exactly", arguments: vectors.filter { $0.expect == "ok" })
    func valid(_ vector: LogVector) throws { try vector.check() }

    @Test("decodes every log seen on real chains")
    func real() throws {
        for vector in Self.realLogs { try vector.check() }
    }

    @Test("refuses malformed logs for the stated reason", arguments: vectors.filter { $0.expect == "error" })
    func malformed(_ vector: LogVector) throws {
        let reason = try #require(vector.reason)
        let line = try vector.line()
        let error = try #require(line["error"] as? String)
        // The reference names the broken byte of a sequence and this decoder the parameter.
        let expected = reason.prefix { $0 != "(" }.trimmingCharacters(in: .whitespaces)
        #expect(error.hasPrefix(expected), "\(error) is not \(reason)")
        #expect(line.count == 1)
        guard let log = try? vector.log.log(on: 1) else { return }
        guard case .malformed = EventDecoder.decode(log) else {
            Issue.record("a malformed log was decoded")
            return
        }
    }

    @Test("passes over events that it does not know", arguments: vectors.filter { $0.expect == "unknown" })
    func unknown(_ vector: LogVector) throws {
        let line = try vector.line()
        #expect(line["unknown"] as? String == vector.log.topics[0])
        #expect(line.count == 1)
        guard case .unknown(let topic0) = EventDecoder.decode(try vector.log.log(on: 1)) else {
            Issue.record("an unknown event was decoded")
            return
        }
        #expect(topic0.description == vector.log.topics[0])
    }
}

extension LogVector {
    /// Compares the line for people and the values for conditions with what the reference decoder says.
    func check() throws {
        let decoded = try #require(decoded)
        let line = try line()
        #expect(line["error"] == nil, "\(testDescription)")
        #expect(line["event"] as? String == decoded.event)
        #expect(line["signature"] as? String == decoded.signature)
        let parameters = try #require(line["params"] as? [String: Any])
        #expect(parameters.count == decoded.args.count)

        let event = try event()
        #expect(event.layout.name == decoded.event)
        #expect(event.layout.signature == decoded.signature)
        for parameter in event.layout.parameters {
            let expected = try #require(decoded.args[parameter.name])
            let shown = try #require(parameters[Self.snakeCase(parameter.name)])
            switch expected {
            case .flag(let flag): #expect(shown as? Bool == flag)
            case .text(let text):
                let shown = try #require(shown as? String)
                #expect(shown.utf8.elementsEqual(text.utf8), "\(testDescription): \(parameter.name)")
            }
            try check(parameter, of: event, expected: expected)
        }
        if let value = decoded.valueDecimal {
            let score = try #require(Number(decimal: value))
            #expect(event.value(of: .score) == .number(score))
        } else if decoded.args["score"] == nil {
            #expect(event.value(of: .score) == nil)
        }
    }

    private func check(_ parameter: EventLayout.Parameter, of event: Event, expected: Argument) throws {
        let value = try #require(event.value(of: parameter.field))
        let name = Comment(rawValue: "\(testDescription): \(parameter.name)")
        switch (value, expected) {
        case (.boolean(let flag), .flag(let expected)): #expect(flag == expected, name)
        case (.number(let number), .text(let text)): #expect(number.description == text, name)
        case (.address(let address), .text(let text)): #expect(address.checksummed == text, name)
        case (.hash(let hash), .text(let text)): #expect(hash.description == text, name)
        case (.bytes(let bytes), .text(let text)):
            #expect(parameter.solidityType == "string" ? bytes == Array(text.utf8) : Hex.encode(bytes) == text, name)
        case (.text(let shown), .text(let text)) where parameter.solidityType == "string":
            #expect(shown == Text(text), name)
            let utf8 = try #require(decoded?.utf8?[parameter.name])
            #expect(Hex.encode(Array(shown.string.utf8)) == utf8, name)
        case (.text(let shown), .text(let text)):
            let bytes = try Hex.decode(text)
            let trimmed = bytes.prefix(1 + (bytes.lastIndex { $0 != 0 } ?? -1))
            #expect(shown.string == text || Array(shown.string.utf8) == Array(trimmed), name)
        default: Issue.record("\(name) has a value of another type")
        }
        #expect(event.type.fields.contains(parameter.field), name)
        #expect(parameter.field.type == value.type, name)
    }
}

extension FieldValue {
    var type: FieldType {
        switch self {
        case .number: .number
        case .text: .text
        case .address: .address
        case .hash: .hash
        case .bytes: .bytes
        case .boolean: .boolean
        }
    }
}
