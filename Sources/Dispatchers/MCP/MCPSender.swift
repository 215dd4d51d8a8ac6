import Domain
import Foundation
import HTTPClient
import Logging
import Synchronization
import Templates

/// Delivers by calling a tool of an MCP server over Streamable HTTP.
///
/// Speaks the generation of revisions that begins with `initialize`. A session is shared by the calls of one
/// organization to one server with one token, and by nobody else.
final class MCPSender: Sender {
    /// The most that is read of one answer.
    static let responseMaximum = 262_144

    private let transport: any Transport
    private let sessions: MCPSessions
    private let version: String
    private let now: @Sendable () -> Date
    private let requestIDs = Atomic<Int64>(0)

    init(transport: any Transport, version: String, now: @escaping @Sendable () -> Date = { Date() }) {
        self.transport = transport
        self.version = version
        self.now = now
        sessions = MCPSessions()
    }

    func send(_ message: Message) async -> Attempt {
        let start = now()
        var attempt = Attempt(startedAt: start, endedAt: start, failure: nil)
        guard case .mcp(let action) = message.configuration.action else {
            attempt.failure = message.wrongChannel
            return attempt
        }
        let call = MCPCall(
            server: MCPServer(
                organization: message.claim.organizationID, url: action.serverURL, token: action.authToken),
            deadline: .now + action.timeout, redactor: message.redactor)
        do throws(Failure) {
            let session = try await session(for: call, &attempt)
            do throws(SessionExpired) {
                try await run(call, message, action, session, &attempt)
            } catch {
                // The server forgot the session: one new handshake, and the call again, in the same attempt.
                sessions.forget(call.server, session)
                let renewed = try await self.session(for: call, &attempt)
                do throws(SessionExpired) {
                    try await run(call, message, action, renewed, &attempt)
                } catch {
                    sessions.forget(call.server, renewed)
                    attempt.failure = MCPVerdict.violation("the server forgets its sessions at once")
                }
            }
        } catch {
            attempt.failure = error
        }
        attempt.endedAt = now()
        return attempt
    }

    /// Ends the sessions that were not used for long.
    func tidy() async { await end(sessions.removeIdle(before: .now - MCPSessions.idleMaximum)) }
    /// Ends every session, within a few seconds.
    func close() async { await end(sessions.removeAll()) }

    // MARK: The call

    /// Calls the tool and leaves the outcome in `attempt`; throws where the session is gone.
    private func run(
        _ call: MCPCall, _ message: Message, _ action: MCPAction, _ session: MCPSession, _ attempt: inout Attempt
    ) async throws(SessionExpired) {
        let id = requestIDs.add(1, ordering: .relaxed).newValue
        let meta: [String: JSON] = [
            "tocsin/delivery": .object([
                "event_id": .string(String(message.notice.eventID.rawValue)),
                "delivery_id": .string(String(message.claim.id)), "message_id": .string(message.id),
                "attempt": .number(Decimal(message.claim.attempt)),
                "kind": .string(message.notice.kind == .retraction ? "retraction" : "notification"),
            ])
        ]
        let body = MCPMessage.call(
            id: id, tool: action.toolName, arguments: action.arguments(for: message.notice), meta: meta
        ).canonicalBytes
        attempt.record(request: body)
        do throws(Failure) {
            let result = try await exchange(call, body, id: id, session: session, &attempt)
            attempt.failure = MCPVerdict.failure(ofResult: result)
        } catch {
            if attempt.status == 404, session.id != nil { throw SessionExpired() }
            // Whatever the server has against the call may be the session: the next call begins anew.
            if let status = attempt.status, (400...499).contains(status) { sessions.forget(call.server, session) }
            attempt.failure = error
        }
    }

    // MARK: The handshake

    private func session(for call: MCPCall, _ attempt: inout Attempt) async throws(Failure) -> MCPSession {
        switch await sessions.session(of: call.server) {
        case .success(let session): return session
        case .failure(let failure): throw failure
        case nil: break
        }
        // From here on everybody else waits for what this handshake brings.
        do throws(Failure) {
            let session = try await initialize(call, &attempt)
            sessions.finish(call.server, with: .success(session))
            return session
        } catch {
            sessions.finish(call.server, with: .failure(error))
            throw error
        }
    }

    private func initialize(_ call: MCPCall, _ attempt: inout Attempt) async throws(Failure) -> MCPSession {
        let id = requestIDs.add(1, ordering: .relaxed).newValue
        let body = MCPMessage.initialize(id: id, version: version).canonicalBytes
        var sessionID: String?
        let result = try await exchange(call, body, id: id, session: nil, &attempt, sessionID: &sessionID)
        guard let version = result["protocolVersion"]?.string, MCPMessage.knownVersions.contains(version) else {
            throw Failure(.toolVersion, "the server speaks none of the known revisions", retry: .never)
        }
        let session = MCPSession(id: sessionID, version: version)
        let notification = request(call, MCPMessage.initialized.canonicalBytes, session: session)
        let response: OutboundResponse
        do throws(TransportError) {
            response = try await transport.send(notification)
        } catch {
            throw Failure(error)
        }
        if let failure = MCPVerdict.failure(
            status: response.status, headers: response.headers, body: response.body, now: seconds)
        {
            throw failure
        }
        return session
    }

    // MARK: Exchanges

    private func exchange(
        _ call: MCPCall, _ body: [UInt8], id: Int64, session: MCPSession?, _ attempt: inout Attempt
    ) async throws(Failure) -> JSON {
        var ignored: String?
        return try await exchange(call, body, id: id, session: session, &attempt, sessionID: &ignored)
    }

    /// Posts one request and reads until its answer: the result.
    private func exchange(
        _ call: MCPCall, _ body: [UInt8], id: Int64, session: MCPSession?, _ attempt: inout Attempt,
        sessionID: inout String?
    ) async throws(Failure) -> JSON {
        attempt.status = nil
        let response: StreamedResponse
        do throws(TransportError) {
            response = try await transport.stream(request(call, body, session: session))
        } catch {
            throw Failure(error)
        }
        attempt.status = response.status
        var reader = MCPAnswer(id: id, contentType: response.headers["Content-Type"] ?? "")
        defer { attempt.record(headers: response.headers, body: reader.bytes, redactor: call.redactor) }
        var pieces = response.body.makeAsyncIterator()
        while reader.outcome == nil {
            let piece: [UInt8]?
            do throws(TransportError) {
                piece = try await pieces.next()
            } catch {
                throw Failure(error)
            }
            guard let piece else { break }
            if (200...299).contains(response.status) {
                for asked in try reader.read(piece) { await answer(asked, call, session) }
            } else {
                reader.keep(piece)
            }
        }
        response.body.close()
        if let failure = MCPVerdict.failure(
            status: response.status, headers: response.headers, body: reader.bytes, now: seconds)
        {
            throw failure
        }
        if let given = response.headers["Mcp-Session-Id"], MCPSession.isID(given) { sessionID = given }
        return try reader.result()
    }

    private func answer(_ asked: (id: JSON, method: String), _ call: MCPCall, _ session: MCPSession?) async {
        let body = MCPMessage.answer(to: asked.id, method: asked.method).canonicalBytes
        // A server that does not take our answer will say so in its own.
        _ = try? await transport.send(request(call, body, session: session))
    }

    private func request(_ call: MCPCall, _ body: [UInt8], session: MCPSession?) -> OutboundRequest {
        var headers: HeaderFields = [
            "Content-Type": "application/json", "Accept": "application/json, text/event-stream",
        ]
        if let session {
            headers["MCP-Protocol-Version"] = session.version
            if let id = session.id { headers["Mcp-Session-Id"] = id }
        }
        if let token = call.server.token { headers["Authorization"] = "Bearer \(token)" }
        let remaining = max(.milliseconds(1), call.deadline - .now)
        return OutboundRequest(
            url: call.server.url, headers: headers, body: body, deadline: remaining,
            connectDeadline: min(.seconds(5), remaining), maximumBodyBytes: Self.responseMaximum)
    }

    /// Tells servers that their sessions are over; they may not care.
    private func end(_ ended: [(server: MCPServer, session: MCPSession)]) async {
        await withDiscardingTaskGroup { group in
            for (server, session) in ended.prefix(64) where session.id != nil {
                group.addTask { [self] in
                    let call = MCPCall(server: server, deadline: .now + .seconds(2), redactor: Redactor([]))
                    var request = request(call, [], session: session)
                    request.method = "DELETE"
                    _ = try? await transport.send(request)
                }
            }
        }
    }

    private var seconds: Int64 { Int64(now().timeIntervalSince1970) }
}

/// The server does not know the session any more.
struct SessionExpired: Error {}

/// One delivery's business with a server.
struct MCPCall: Sendable {
    let server: MCPServer
    /// For the handshake and the call together.
    let deadline: ContinuousClock.Instant
    let redactor: Redactor
}
