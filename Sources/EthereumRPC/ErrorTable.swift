import Domain
import Ethereum

/// What the errors of providers and clients mean, as a table: codes mean different things at different providers.
///
/// - SeeAlso: EIP-1474 for the few codes that are agreed on.
enum ErrorTable {
    enum Meaning: Sendable {
        case range(RangeHint.Cause)
        case rate, notYet, pruned, unauthorized, methodMissing, server, unknown
    }

    /// The meaning of `error`, which `method` was answered with under the HTTP status `status`.
    static func classify(_ error: NodeError, method: String, status: Int = 200) -> RPCError {
        if method == "eth_call", let data = revertData(error) { return .reverted(data) }
        let text = Array("\(error.message) \(error.data)".lowercased().utf8)
        for row in rows {
            guard let limits = row.pattern.match(text) else { continue }
            return meaning(row.meaning, limits, error, text)
        }
        if let meaning = byCode(error.code, method: method) { return self.meaning(meaning, .init(), error, text) }
        if let meaning = byStatus(status) { return meaning }
        return .unknown(code: error.code, message: cleaned(error.message))
    }

    /// What an HTTP status means by itself; nil for success and for what says nothing.
    static func byStatus(_ status: Int, retryAfter: Duration? = nil) -> RPCError? {
        switch status {
        case 200...299: nil
        case 401, 402, 403: .unauthorized
        case 413: .rangeTooLarge(RangeHint())
        case 429: .rateLimited(retryAfter: retryAfter)
        default: .server(status: status)
        }
    }

    /// The bytes that a contract reverted with, if the error is a revert.
    private static func revertData(_ error: NodeError) -> [UInt8]? {
        let text = "\(error.message) \(error.data)".lowercased()
        let isRevert = text.contains("revert") || text.contains("vm execution error")
        // Code 3 is a revert by convention, and "Unknown block" at one provider: only the data tells.
        guard isRevert || error.code == 3 && error.bytes != nil else { return nil }
        return error.bytes ?? []
    }

    private static func meaning(
        _ meaning: Meaning, _ limits: ErrorPattern.Limits, _ error: NodeError, _ text: [UInt8]
    ) -> RPCError {
        switch meaning {
        case .range(let cause):
            return .rangeTooLarge(
                RangeHint(
                    cause, maximumBlocks: limits.blocks, maximumResults: limits.results,
                    range: suggestedRange(error, text)))
        case .rate:
            // Infura says 0 while it still refuses, so the pool applies a floor of its own.
            let wait = error.backoffSeconds.flatMap { $0 > 0 && $0 <= 86_400 ? Duration.seconds($0) : nil }
            let rate = error.allowedPerSecond ?? limits.rate.map(Double.init)
            return .rateLimited(retryAfter: wait, perSecond: rate.flatMap { $0 > 0 && $0.isFinite ? $0 : nil })
        case .notYet: return .notYet
        case .pruned: return .pruned
        case .unauthorized: return .unauthorized
        case .methodMissing: return .methodMissing
        case .server: return .server(status: nil)
        case .unknown: return .unknown(code: error.code, message: cleaned(error.message))
        }
    }

    private static func byCode(_ code: Int?, method: String) -> Meaning? {
        switch code {
        case 429, -32007, -32009: .rate
        case 4444, -32701: .pruned
        case -32601, -32004, -32612, -32613: .methodMissing
        case -32614, -32047: .range(.blocks)
        case -32062: .range(.unknown)
        case -32011: .server
        // "Limit exceeded": for a search it is the range, for everything else the rate.
        case -32005: method == "eth_getLogs" ? .range(.unknown) : .rate
        default: nil
        }
    }

    // MARK: Suggested ranges

    /// The range that the node says would work, lowest block first however it was written.
    private static func suggestedRange(_ error: NodeError, _ text: [UInt8]) -> ClosedRange<BlockNumber>? {
        if let from = error.from, let to = error.to { return range(from, to) }
        return bracketedRange(text) ?? dashedRange(text)
    }

    /// Reads `[0x10, 0x20]`.
    private static func bracketedRange(_ text: [UInt8]) -> ClosedRange<BlockNumber>? {
        guard let open = text.firstIndex(of: UInt8(ascii: "[")),
            let close = text[open...].firstIndex(of: UInt8(ascii: "]"))
        else { return nil }
        let parts = String(decoding: text[(open + 1)..<close], as: UTF8.self).split(separator: ",")
        guard parts.count == 2, let from = quantity(parts[0]), let to = quantity(parts[1]) else { return nil }
        return range(from, to)
    }

    /// Reads `with the range 10-20`.
    private static func dashedRange(_ text: [UInt8]) -> ClosedRange<BlockNumber>? {
        let string = String(decoding: text, as: UTF8.self)
        guard let phrase = string.range(of: "with the range ") else { return nil }
        let parts = string[phrase.upperBound...].prefix { $0 == "-" || $0.isNumber }.split(separator: "-")
        guard parts.count == 2, let from = UInt64(parts[0]), let to = UInt64(parts[1]) else { return nil }
        return range(from, to)
    }

    private static func quantity(_ text: Substring) -> UInt64? {
        let digits = text.drop { $0 == " " }.prefix { $0 != " " }
        guard digits.hasPrefix("0x") else { return UInt64(digits) }
        return UInt64(digits.dropFirst(2), radix: 16)
    }

    private static func range(_ from: UInt64, _ to: UInt64) -> ClosedRange<BlockNumber>? {
        guard let low = BlockNumber(min(from, to)), let high = BlockNumber(max(from, to)) else { return nil }
        return low...high
    }

    // MARK: Texts for people

    /// At most 200 characters of `message`, without URLs and without what may be a key.
    static func cleaned(_ message: String) -> String {
        let words = message.split(separator: " ").map { word -> Substring in
            if word.contains("://") { return "…" }
            let isKeyLike =
                word.utf8.count >= 16 && !word.hasPrefix("0x") && word.utf8.contains { (0x30...0x39).contains($0) }
            return isKeyLike ? "…" : word
        }
        let printable = words.joined(separator: " ").unicodeScalars.filter { $0.value >= 0x20 && $0.value != 0x7f }
        return String(String.UnicodeScalarView(printable).prefix(200))
    }
}

extension String {
    /// Where `text` stands first.
    fileprivate func range(of text: String) -> Range<String.Index>? {
        var start = startIndex
        while start < endIndex {
            if self[start...].hasPrefix(text) { return start..<index(start, offsetBy: text.count) }
            start = index(after: start)
        }
        return nil
    }
}
