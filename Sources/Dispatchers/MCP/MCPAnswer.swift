import Domain

/// Reads the answer to one request, as JSON or as a stream of events.
struct MCPAnswer {
    private let id: Int64
    private let isStream: Bool
    private let isJSON: Bool
    private var parser = SSEParser()
    /// What was read, at most as much as a row keeps and an error needs.
    private(set) var bytes: [UInt8] = []
    /// The answer, as soon as it is there.
    private(set) var outcome: MCPMessage.Incoming?

    init(id: Int64, contentType: String) {
        self.id = id
        let type = contentType.prefix { $0 != ";" }.lowercased().filter { !$0.isWhitespace }
        isStream = type == "text/event-stream"
        isJSON = type == "application/json"
    }

    /// Remembers a piece of an answer that is no success.
    mutating func keep(_ piece: [UInt8]) { bytes.append(contentsOf: piece) }

    /// Reads a piece and answers what the server asks of us meanwhile.
    mutating func read(_ piece: [UInt8]) throws(Failure) -> [(id: JSON, method: String)] {
        bytes.append(contentsOf: piece)
        guard isStream else { return [] }
        var requests: [(id: JSON, method: String)] = []
        do throws(SSEParser.Problem) {
            for event in try parser.read(piece) where event.type == "message" && outcome == nil {
                switch MCPMessage.read(event.data, expecting: id) {
                case .request(let id, let method): requests.append((id, method))
                case .result(let result): outcome = .result(result)
                case .error(let code, let message): outcome = .error(code: code, message: message)
                case .other, nil: break
                }
            }
        } catch {
            throw MCPVerdict.violation("an event of the stream is too long")
        }
        return requests
    }

    /// The result, once the answer is whole.
    mutating func result() throws(Failure) -> JSON {
        if !isStream {
            guard isJSON else { throw MCPVerdict.violation("the answer is neither JSON nor a stream of events") }
            outcome = MCPMessage.read(bytes, expecting: id)
        }
        switch outcome {
        case .result(let result): return result
        case .error(let code, let message): throw MCPVerdict.failure(ofCode: code, message: message)
        case .request, .other, nil:
            if isStream { throw Failure(.receive, "the stream ended before the answer") }
            throw MCPVerdict.violation("the answer is not one to the request")
        }
    }
}
