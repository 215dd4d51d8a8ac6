import CSimdJSON
import Domain
import HTTPClient

extension ProviderPool {
    /// Asks one endpoint after the other until `decode` accepts the answers of one.
    ///
    /// What the call itself brought about (a revert, too large a range) is thrown at once; what another endpoint may
    /// know better is tried there, and of several failures the most telling one is thrown.
    func ask<Result: Sendable>(
        _ calls: [Call], isSearch: Bool = false, notBy excluded: Int? = nil,
        _ decode: (Answers) throws(RPCError) -> Result
    ) async throws(RPCError) -> Result {
        guard !calls.isEmpty else { throw .malformed("no call") }
        return try await each(notBy: excluded) { index throws(RPCError) in
            try await ask(index, calls, isSearch: isSearch, decode)
        }
    }

    /// Does `work` with one endpoint after the other, the best first, until it succeeds with one.
    ///
    /// - Parameter blocks: For how many blocks logs are searched.
    func each<Result: Sendable>(
        notBy excluded: Int? = nil, blocks: Int? = nil, _ work: (Int) async throws(RPCError) -> Result
    ) async throws(RPCError) -> Result {
        var worst: RPCError?
        for index in try ranking(notBy: excluded, blocks: blocks) {
            do throws(RPCError) {
                try await verifyChain(index)
                return try await work(index)
            } catch {
                let error = error.redacting(endpoints[index].secrets)
                noteFailure(index, error)
                if error.isFinal { throw error }
                worst = worst.map { $0.weight >= error.weight ? $0 : error } ?? error
                if Task.isCancelled { break }
            }
        }
        throw worst ?? .unavailable(retryAfter: .seconds(60))
    }

    /// Sends the calls to one endpoint and decodes its answers.
    func ask<Result>(
        _ index: Int, _ calls: [Call], isSearch: Bool, _ decode: (Answers) throws(RPCError) -> Result
    ) async throws(RPCError) -> Result {
        let firstID = firstID()
        let start = now()
        let response = try await send(index, calls, firstID: firstID, isSearch: isSearch)
        let result = try read(response, calls) { reader, replies, found throws(RPCError) in
            let answers = try Answers(
                reader: reader, replies: replies, found: found, node: index, calls: calls, firstID: firstID,
                status: response.status)
            return try decode(answers)
        }
        let now = now()
        update(index) {
            $0.succeeded(after: now - start, at: now)
            if calls.count > 1 { $0.completedBatch() }
        }
        return result
    }

    /// Splits a response into replies, or throws what its status means.
    private func read<Result>(
        _ response: OutboundResponse, _ calls: [Call],
        _ use: (JSONReader, [csj_reply], JSONReader.Found) throws(RPCError) -> Result
    ) throws(RPCError) -> Result {
        let retryAfter = response.headers["Retry-After"].flatMap { Int($0) }
            .flatMap { (0...86_400).contains($0) ? Duration.seconds($0) : nil }
        // A refusal may come with a whole and valid body, which still means that we were too fast.
        if response.status == 429 { throw .rateLimited(retryAfter: retryAfter) }
        do throws(RPCError) {
            return try JSONReader.read(response.body, decodingLogs: calls.contains { $0.method == "eth_getLogs" }, use)
        } catch {
            // A page of HTML or nothing at all: the status says more.
            if case .malformed = error, let meaning = ErrorTable.byStatus(response.status, retryAfter: retryAfter) {
                throw meaning
            }
            throw error
        }
    }

    /// Sends the calls as one batch, or one after the other where batches do not come back whole.
    private func send(
        _ index: Int, _ calls: [Call], firstID: UInt64, isSearch: Bool
    ) async throws(RPCError) -> OutboundResponse {
        let requests = calls.enumerated().map { $1.request(id: firstID + UInt64($0)) }
        if calls.count == 1 { return try await send(index, requests[0], isSearch: isSearch) }
        if health(index).isBatching {
            return try await send(index, "[\(requests.joined(separator: ","))]", isSearch: isSearch)
        }
        var body: [UInt8] = []
        for request in requests {
            let response = try await send(index, request, isSearch: isSearch)
            guard response.status == 200 else { return response }
            body.append(UInt8(ascii: body.isEmpty ? "[" : ","))
            body += response.body
        }
        return OutboundResponse(status: 200, body: body + [UInt8(ascii: "]")])
    }

    private func send(_ index: Int, _ text: String, isSearch: Bool) async throws(RPCError) -> OutboundResponse {
        let request = OutboundRequest(
            method: "POST", url: endpoints[index].url, headers: endpoints[index].headers, body: Array(text.utf8),
            deadline: isSearch ? configuration.searchDeadline : configuration.deadline,
            connectDeadline: configuration.connectDeadline,
            maximumBodyBytes: isSearch ? configuration.maximumSearchBytes : configuration.maximumAnswerBytes,
            // The operator chose these addresses, and a node of one's own stands in a private network.
            guarded: false, acceptsCompression: true)
        do throws(TransportError) {
            return try await transport.send(request)
        } catch {
            // More than we read is more than we should have asked for.
            if error == .bodyTooLarge, isSearch { throw .rangeTooLarge(RangeHint(.results)) }
            throw .transport(error)
        }
    }

    /// Makes sure that the endpoint serves our chain, unless that is known.
    private func verifyChain(_ index: Int) async throws(RPCError) {
        guard !health(index).isChainVerified else { return }
        let expected = chainID
        try await ask(index, [.chainID], isSearch: false) { answers throws(RPCError) in
            let value = try answers.result(0)
            guard let found = value.quantity else { throw .malformed("eth_chainId: no quantity") }
            guard found == UInt64(expected.rawValue) else {
                throw .wrongChain(expected: expected, found: String(found))
            }
        }
        update(index) { $0.verifiedChain() }
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
    fileprivate var isFinal: Bool {
        switch self {
        case .reverted, .transport(.cancelled), .transport(.closed): true
        default: false
        }
    }

    /// Which of several endpoints' errors tells the caller most.
    fileprivate var weight: Int {
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
