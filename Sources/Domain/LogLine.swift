import Ethereum
import Foundation

/// One log of `eth_getLogs`, decoded for people.
public enum LogLine {
    /// What the log `json` says, as one JSON object on one line.
    ///
    /// That is `{"event","registry","signature","params"}` with `registry` null for what every proxy emits, or
    /// `{"unknown":topic0}`, or `{"error":reason}`. `json` may be anything.
    public static func decode(json: [UInt8]) -> String {
        guard let document = try? JSONSerialization.jsonObject(with: Data(json), options: .fragmentsAllowed) else {
            return error("not JSON")
        }
        return decode(document)
    }

    /// What each log in `json` says, one line for each, in their order.
    ///
    /// `json` is an array of logs, a JSON-RPC answer that has one as its `result`, a log, or lines of these. A line that
    /// is none of them says so in its place.
    public static func decodeAll(json: [UInt8]) -> [String] {
        if let lines = decodeDocument(json) { return lines }
        return json.split { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }
            .filter { line in line.contains { $0 != UInt8(ascii: " ") && $0 != UInt8(ascii: "\t") } }
            .flatMap { decodeDocument([UInt8]($0)) ?? [error("not JSON")] }
    }

    /// The lines of one document; nil unless it is JSON.
    private static func decodeDocument(_ json: [UInt8]) -> [String]? {
        guard let document = try? JSONSerialization.jsonObject(with: Data(json), options: .fragmentsAllowed) else {
            return nil
        }
        switch document {
        case let logs as [Any]: return logs.map(decode)
        case let answer as [String: Any]: return (answer["result"] as? [Any])?.map(decode) ?? [decode(answer)]
        default: return [decode(document)]
        }
    }

    private static func decode(_ element: Any) -> String {
        guard let log = element as? [String: Any] else { return error("not a JSON object") }
        return decode(topics: log["topics"], data: log["data"])
    }

    private static func decode(topics: Any?, data: Any?) -> String {
        guard let texts = topics as? [Any], !texts.isEmpty else { return error("no topics") }
        var words: [Hash] = []
        for text in texts {
            guard let text = text as? String else { return error("topic: not a string") }
            do throws(HexError) {
                words.append(try Hash(hex: text))
            } catch {
                guard case .wrongLength = error else { return Self.error("topic: \(error)") }
                return Self.error("topic is not 32 bytes")
            }
        }
        guard let text = data as? String else { return error("data: not a string") }
        do throws(HexError) {
            return line(words, data: try Hex.decode(text))
        } catch { return Self.error("data: \(error)") }
    }

    private static func line(_ words: [Hash], data: [UInt8]) -> String {
        guard let topics = Topics(words) else {
            guard let layout = EventLayouts.layout(of: words[0]) else { return unknown(words[0]) }
            let reason = EventDecodingError.topicCount(expected: layout.topicCount, found: words.count)
            return error(reason.description)
        }
        switch EventDecoder.decode(topics: topics, data: data) {
        case .event(let layout, let values): return object(layout, values)
        case .unknown(let topic0): return unknown(topic0)
        case .malformed(let reason): return error(reason.description)
        }
    }

    private static func object(_ layout: EventLayout, _ values: [FieldValue]) -> String {
        let parameters = zip(layout.parameters, values).map { parameter, value in
            "\"\(parameter.name.snakeCased)\":\(parameter.json(value))"
        }
        let registry = layout.type.registry.map { "\"\($0.rawValue)\"" } ?? "null"
        return "{\"event\":\"\(layout.name)\",\"registry\":\(registry),\"signature\":\"\(layout.signature)\","
            + "\"params\":{\(parameters.joined(separator: ","))}}"
    }

    private static func unknown(_ topic0: Hash) -> String { "{\"unknown\":\"\(topic0)\"}" }
    private static func error(_ reason: String) -> String { "{\"error\":\(JSONText.quote(reason))}" }
}

extension EventLayout.Parameter {
    /// `value` as the declared type has it: integers in decimal, bytes in hexadecimal, all but flags in quotes.
    fileprivate func json(_ value: FieldValue) -> String {
        switch value {
        case .number(let number): return "\"\(number)\""
        case .address(let address): return "\"\(address.checksummed)\""
        case .hash(let hash): return "\"\(hash)\""
        case .boolean(let flag): return "\(flag)"
        case .bytes(let bytes):
            // A string that a field shows as bytes was valid UTF-8 when it was decoded.
            return encoding == .stringBytes
                ? JSONText.quote(String(decoding: bytes, as: UTF8.self)) : "\"\(Hex.encode(bytes))\""
        case .text(let text):
            guard encoding == .shortText else { return JSONText.quote(text.string) }
            // Text that filled all 66 characters of a hash is one; shorter text came from 32 bytes or fewer.
            guard text.string.utf8.count <= 32 else { return "\"\(text)\"" }
            let padding = repeatElement(UInt8(0), count: 32 - text.string.utf8.count)
            return "\"\(Hex.encode([UInt8](text.string.utf8) + padding))\""
        }
    }
}
