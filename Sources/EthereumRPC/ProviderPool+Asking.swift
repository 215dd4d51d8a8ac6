import CSimdJSON
import Domain
import HTTPClient

extension ProviderPool {
    /// Asks one endpoint after the other until `decode` accepts the answers of one.
    ///
    /// What the call itself brought about (a revert) is thrown at once; what another endpoint may know better is tried
    /// there, and of several failures the most telling one is thrown.
    func ask<Result: Sendable>(
        _ calls: [Call], _ needs: Needs = Needs(), _ decode: (Answers) throws(RPCError) -> Result
    ) async throws(RPCError) -> Result {
        guard !calls.isEmpty else { throw .malformed("no call") }
        var needs = needs
        needs.kind = CallKind(calls)
        return try await each(needs) { index throws(RPCError) in try await ask(index, calls, decode) }
    }

    /// Does `work` with one endpoint after the other, the best first, until it succeeds with one.
    func each<Result: Sendable>(
        _ needs: Needs, _ work: (Int) async throws(RPCError) -> Result
    ) async throws(RPCError) -> Result {
        var worst: RPCError?
        for index in try ranking(needs) {
            do throws(RPCError) {
                return try await visit(index, needs, work)
            } catch {
                if error.isFinal { throw error }
                worst = worst.map { $0.weight >= error.weight ? $0 : error } ?? error
                if Task.isCancelled { break }
            }
        }
        throw worst ?? .unavailable(retryAfter: .seconds(1))
    }

    /// Does `work` with one endpoint, of the right chain, and learns from how it ends.
    func visit<Result: Sendable>(
        _ index: Int, _ needs: Needs, _ work: (Int) async throws(RPCError) -> Result
    ) async throws(RPCError) -> Result {
        let start = now()
        guard let pass = update(index, { $0.begin(at: start) }) else {
            // Another call finds out at this moment whether the endpoint is back.
            throw .unavailable(retryAfter: health(index).wait(at: start))
        }
        defer { update(index) { $0.end(pass) } }
        do throws(RPCError) {
            try await verifyChain(index)
            return try await work(index)
        } catch {
            let error = error.redacting(endpoints[index].secrets)
            let now = now()
            if error == .methodMissing, let method = needs.method { update(index) { $0.lacks(method, since: now) } }
            if error == .transport(.cancelled), endpoints.count > 1,
                update(index, { $0.outrun(needs.kind, after: now - start, at: now) })
            {
                noteFailure(index, .transport(.timedOut(after: now - start)))
            }
            noteFailure(index, error)
            throw error
        }
    }

    /// Sends the calls to one endpoint and decodes its answers.
    func ask<Result>(
        _ index: Int, _ calls: [Call], _ decode: (Answers) throws(RPCError) -> Result
    ) async throws(RPCError) -> Result {
        try await spend(calls.count, at: index)
        let firstID = firstID()
        let kind = CallKind(calls)
        let start = now()
        let response = try await send(index, calls, firstID: firstID, kind)
        let end = now()
        let time = end - start
        if calls[0].method != Call.chainID.method {
            // Behind a new connection may stand another server, also where another call's answer brought it to light.
            if !response.isReused { update(index) { $0.reconnected(at: end) } }
            try await verifyChain(index)
        }
        do throws(RPCError) {
            let result = try read(response, calls) { reader, replies, found throws(RPCError) in
                let answers = try Answers(
                    reader: reader, replies: replies, found: found, node: index, calls: calls, firstID: firstID,
                    status: response.status)
                return try decode(answers)
            }
            let now = now()
            update(index) {
                $0.succeeded(kind, after: time, at: now)
                if calls.count > 1 { $0.completedBatch() }
            }
            return result
        } catch {
            if error == .malformed(Answers.incomplete) { update(index) { $0.tornBatch(of: calls.count) } }
            throw error
        }
    }

    /// Waits until the endpoint's budget allows so many calls.
    private func spend(_ calls: Int, at index: Int) async throws(RPCError) {
        let now = now()
        guard let wait = update(index, { $0.budget.take(calls, at: now, longest: Self.longestWait) }) else {
            throw .unavailable(retryAfter: health(index).budget.wait(for: calls, at: now))
        }
        guard wait > .zero else { return }
        do { try await sleep(wait) } catch { throw .transport(.cancelled) }
    }

    /// Whoever would have to wait longer is told so.
    private static let longestWait = Duration.seconds(10)

    /// Splits a response into replies, or throws what its status means.
    private func read<Result>(
        _ response: OutboundResponse, _ calls: [Call],
        _ use: (JSONReader, [csj_reply], JSONReader.Found) throws(RPCError) -> Result
    ) throws(RPCError) -> Result {
        let retryAfter = HTTPDate.wait(response.headers["Retry-After"], date: response.headers["Date"])
        // A refusal may come with a whole and valid body, which still means that we were too fast.
        if response.status == 429 { throw .rateLimited(retryAfter: retryAfter) }
        do throws(RPCError) {
            return try JSONReader.read(response.body, decodingLogs: calls.contains { $0.method == "eth_getLogs" }, use)
        } catch {
            // A page of HTML or nothing at all: the status says more.
            if case .malformed = error, let meaning = ErrorTable.byStatus(response.status, retryAfter: retryAfter) {
                throw meaning
            }
            if case .rateLimited(nil, let rate) = error {
                throw .rateLimited(retryAfter: retryAfter, perSecond: rate)
            }
            throw error
        }
    }

    /// Sends the calls in batches of as many as the endpoint answers whole, one after the other.
    private func send(
        _ index: Int, _ calls: [Call], firstID: UInt64, _ kind: CallKind
    ) async throws(RPCError) -> OutboundResponse {
        let requests = calls.enumerated().map { $1.request(id: firstID + UInt64($0)) }
        let batchMax = health(index).batchMax
        if calls.count == 1 { return try await send(index, requests[0], kind) }
        if calls.count <= batchMax {
            return try await send(index, "[\(requests.joined(separator: ","))]", kind)
        }
        var body: [UInt8] = []
        var isReused = true
        for start in stride(from: 0, to: requests.count, by: batchMax) {
            let batch = requests[start..<min(start + batchMax, requests.count)]
            let text = batch.count == 1 ? batch.joined() : "[\(batch.joined(separator: ","))]"
            let response = try await send(index, text, kind)
            guard response.status == 200 else { return response }
            body.append(UInt8(ascii: body.isEmpty ? "[" : ","))
            body += response.body.withoutBrackets
            isReused = isReused && response.isReused
        }
        return OutboundResponse(status: 200, body: body + [UInt8(ascii: "]")], isReused: isReused)
    }

    private func send(_ index: Int, _ text: String, _ kind: CallKind) async throws(RPCError) -> OutboundResponse {
        let isSearch = kind == .search
        let deadline = health(index).deadline(
            kind, floor: isSearch ? .seconds(15) : .seconds(2),
            ceiling: isSearch ? configuration.searchDeadline : configuration.deadline)
        let request = OutboundRequest(
            method: "POST", url: endpoints[index].url, headers: endpoints[index].headers, body: Array(text.utf8),
            deadline: deadline, connectDeadline: configuration.connectDeadline,
            maximumBodyBytes: isSearch ? configuration.maximumSearchBytes : configuration.maximumAnswerBytes,
            // The operator chose these addresses, and a node of one's own stands in a private network.
            guarded: false, acceptsCompression: true)
        do throws(TransportError) {
            return try await transport.send(request)
        } catch {
            // More than we read is more than we should have asked for.
            if error == .bodyTooLarge, isSearch { throw .rangeTooLarge(RangeHint(.results)) }
            if case .timedOut = error {
                let now = now()
                update(index) { $0.timedOut(kind, after: deadline, at: now) }
            }
            throw .transport(error)
        }
    }

    /// Makes sure that the endpoint serves our chain, unless that is known.
    private func verifyChain(_ index: Int) async throws(RPCError) {
        guard !health(index).isChainVerified else { return }
        let expected = chainID
        try await ask(index, [.chainID]) { answers throws(RPCError) in
            let value = try answers.result(0)
            guard let found = value.quantity else { throw .malformed("eth_chainId: no quantity") }
            guard found == UInt64(expected.rawValue) else {
                throw .wrongChain(expected: expected, found: String(found))
            }
        }
        let now = now()
        update(index) { $0.verifiedChain(at: now) }
    }
}

extension [UInt8] {
    /// The elements of a JSON array without its brackets; anything else as it is.
    fileprivate var withoutBrackets: ArraySlice<UInt8> {
        func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0d).contains(byte) }
        let text = drop(while: isSpace)
        guard text.first == UInt8(ascii: "["), let end = text.lastIndex(where: { !isSpace($0) }),
            end > text.startIndex, text[end] == UInt8(ascii: "]")
        else { return text }
        return text[(text.startIndex + 1)..<end]
    }
}

extension RPCError {
    /// The error without the `secrets` that a node may have repeated.
    fileprivate func redacting(_ secrets: [String]) -> RPCError {
        guard case .unknown(let code, var message) = self else { return self }
        for secret in secrets { message = message.replacing(secret, with: "…") }
        return .unknown(code: code, message: message)
    }

    /// Whether asking another endpoint is pointless or not ours to decide.
    var isFinal: Bool {
        switch self {
        case .reverted, .transport(.cancelled), .transport(.closed): true
        default: false
        }
    }

    /// Which of several endpoints' errors tells the caller most.
    var weight: Int {
        switch self {
        // Only of one block, for which there are other ways.
        case .rangeTooLarge: 7
        case .notYet: 6
        case .noContract: 5
        case .pruned: 4
        case .inconsistent: 3
        case .rateLimited: 2
        case .unknown, .malformed, .wrongChain, .unauthorized: 1
        default: 0
        }
    }
}
