import Domain
import Foundation
import HTTPClient
import Signatures
import Templates

/// Sends webhooks, signed as Standard Webhooks asks.
///
/// - SeeAlso: `docs/webhooks.md`.
struct RESTSender: Sender {
    /// The most of a response that is read; what follows is not waited for.
    static let responseMaximum = 65536

    let transport: any Transport
    let now: @Sendable () -> Date

    init(transport: any Transport, now: @escaping @Sendable () -> Date = { Date() }) {
        self.transport = transport
        self.now = now
    }

    func send(_ message: Message) async -> Attempt {
        let start = now()
        guard case .rest(let action) = message.configuration.action else {
            return Attempt(startedAt: start, endedAt: start, failure: message.wrongChannel)
        }
        var attempt = Attempt(startedAt: start, endedAt: start, failure: nil)
        do {
            let request = try Self.request(for: message, action: action, at: Int64(start.timeIntervalSince1970))
            attempt.record(request: request.body)
            let response = try await transport.send(request)
            attempt.endedAt = now()
            attempt.record(response, redactor: message.redactor)
            attempt.failure = StatusVerdict.failure(
                of: response, expected: action.expectedStatuses, now: Int64(attempt.endedAt.timeIntervalSince1970))
        } catch let error as TransportError {
            attempt.endedAt = now()
            attempt.failure = Failure(error)
        } catch {
            attempt.endedAt = now()
            attempt.failure = Failure(.configuration, "the action's secret cannot be used")
        }
        return attempt
    }

    /// The request for one attempt; `timestamp` is that of the attempt, in seconds since 1970.
    static func request(
        for message: Message, action: RESTAction, at timestamp: Int64
    ) throws(SecretError) -> OutboundRequest {
        let (body, contentType) = body(of: action, for: message)
        var headers = HeaderFields()
        for header in action.headers { headers.append(name: header.name, value: header.value.render(message.notice)) }
        if let contentType { headers["Content-Type"] = contentType }
        headers["webhook-id"] = message.id
        headers["webhook-timestamp"] = String(timestamp)
        headers["webhook-signature"] = WebhookSigner.sign(
            id: message.id, timestamp: timestamp, body: body, secrets: [try WebhookSecret(action.secret)])
        headers["x-tocsin-attempt"] = String(message.claim.attempt)
        headers["x-tocsin-trigger"] = message.notice.isTest ? "test" : "auto"
        headers["x-tocsin-event-type"] = EventDocument.type(of: message.notice.event, kind: message.notice.kind)
        return OutboundRequest(
            method: action.method.rawValue, url: action.url, headers: headers, body: body, deadline: action.timeout,
            connectDeadline: min(.seconds(5), action.timeout), maximumBodyBytes: responseMaximum,
            bodyOverflow: .truncate)
    }

    private static func body(of action: RESTAction, for message: Message) -> ([UInt8], contentType: String?) {
        guard action.method != .get else { return ([], nil) }
        switch action.body {
        case .eventDocument: return (EventDocument(message.notice).bytes, "application/json")
        case .tree(let tree): return (tree.render(message.notice).canonicalBytes, "application/json")
        case .json(let template): return (Array(template.render(message.notice).utf8), "application/json")
        case .text(let template): return (Array(template.render(message.notice).utf8), "text/plain; charset=utf-8")
        }
    }
}
