import Crypto
import Domain
import Foundation
import HTTPClient
import Templates

/// One try at a delivery: what happened, as its row tells it.
struct Attempt: Sendable {
    /// The longest part of a response's body that is kept, in bytes.
    static let bodyMaximum = 16384

    var startedAt: Date
    var endedAt: Date
    /// Nil where the receiver accepted the message.
    var failure: Failure?
    var status: Int?
    var peer: String?
    var httpVersion: String?
    var timing: OutboundResponse.Timing?
    var isReused: Bool?
    var requestSHA256: [UInt8]?
    /// A JSON object of the headers that are kept.
    var responseHeaders: String?
    var responseBody: [UInt8]?
    var isBodyTruncated = false

    /// A try that began and ended without an exchange.
    init(startedAt: Date, endedAt: Date, failure: Failure?) {
        self.startedAt = startedAt
        self.endedAt = endedAt
        self.failure = failure
    }

    /// Remembers what was sent.
    mutating func record(request body: [UInt8]) { requestSHA256 = Array(SHA256.hash(data: body)) }

    /// Remembers what was answered, without what `redactor` knows to be secret.
    mutating func record(_ response: OutboundResponse, redactor: Redactor) {
        status = response.status
        peer = response.peer
        httpVersion = response.httpVersion
        timing = response.timing
        isReused = response.isReused
        record(headers: response.headers, body: response.body, redactor: redactor)
        isBodyTruncated = isBodyTruncated || response.isBodyTruncated
    }

    /// Remembers an answer's header and body, within their limits and without secrets.
    mutating func record(headers: HeaderFields, body: [UInt8], redactor: Redactor) {
        responseHeaders = KeptHeaders.text(of: headers, redactor: redactor)
        isBodyTruncated = body.count > Self.bodyMaximum
        // Redacted before it is cut, so that no half of a secret stays at the end.
        responseBody = body.isEmpty ? nil : Array(redactor.redact(body).prefix(Self.bodyMaximum))
    }
}

/// Which headers of a response are kept in its attempt's row.
enum KeptHeaders {
    /// The most bytes of names and values together.
    static let maximum = 4096
    static let names: Set<String> = [
        "cache-control", "cf-ray", "content-encoding", "content-length", "content-type", "date", "mcp-protocol-version",
        "retry-after", "server", "traceparent", "via", "warning", "x-amzn-requestid", "x-cache", "x-correlation-id",
        "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset", "x-request-id", "x-served-by",
    ]

    /// The kept headers as a JSON object; nil where there are none.
    ///
    /// Of `Location` only the host is kept.
    static func text(of headers: HeaderFields, redactor: Redactor) -> String? {
        var kept: [String: JSON] = [:]
        var size = 0
        func keep(_ name: String, _ value: String) {
            let cost = name.utf8.count + value.utf8.count
            guard kept[name] == nil, size + cost <= maximum else { return }
            size += cost
            kept[name] = .string(redactor.redact(value))
        }
        for field in headers {
            let name = field.name.lowercased()
            if names.contains(name) { keep(name, field.value) }
            if name == "location", let host = host(of: field.value) { keep("location-host", host) }
        }
        return kept.isEmpty ? nil : String(decoding: JSON.object(kept).canonicalBytes, as: UTF8.self)
    }

    private static func host(of url: String) -> String? {
        guard let start = url.range(of: "://") else { return nil }
        let authority = url[start.upperBound...].prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        return authority.split(separator: "@").last.map(String.init)
    }
}
