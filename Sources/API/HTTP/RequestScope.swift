import Foundation
import Hummingbird
import Logging
import Metrics

/// Gives every request its id, and every answer the headers that all of them have; logs and counts both.
///
/// The outermost middleware: whatever answers below, errors included, passes through here.
struct RequestScope: RouterMiddleware {
    typealias Context = APIContext

    let clientAddress: ClientAddress

    func handle(
        _ request: Request, context: APIContext, next: (Request, APIContext) async throws -> Response
    ) async throws -> Response {
        var context = context
        context.requestID = Self.requestID(sent: request.headers[.xRequestID])
        context.clientAddress = clientAddress.client(peer: context.clientAddress, headers: request.headers)
        context.logger[metadataKey: "request.id"] = .string(context.requestID)
        let start = ContinuousClock.now
        var response = try await next(request, context)
        response.headers[.xRequestID] = context.requestID
        response.headers[.apiVersion] = "v1"
        response.headers[.xContentTypeOptions] = "nosniff"
        response.headers[.xFrameOptions] = "DENY"
        response.headers[.referrerPolicy] = "no-referrer"
        response.headers[.contentSecurityPolicy] = "default-src 'none'; frame-ancestors 'none'"
        // Answers hold what one caller may see, so no cache may show them to another; public ones say otherwise.
        if response.headers[.cacheControl] == nil { response.headers[.cacheControl] = "no-store" }
        record(request, response, context, took: ContinuousClock.now - start)
        return response
    }

    /// The id that the client `sent` if it is 1–128 of `A-Za-z0-9_-.`, otherwise a random one.
    static func requestID(sent: String?) -> String {
        if let sent, (1...128).contains(sent.utf8.count), sent.utf8.allSatisfy(isAllowed) { return sent }
        return UUID().uuidString.lowercased()
    }

    private static func isAllowed(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "."):
            true
        default: false
        }
    }

    private func record(_ request: Request, _ response: Response, _ context: APIContext, took: Duration) {
        let status = response.status.code
        // The declared path, never the requested one: dimensions come from a small closed set.
        let route = context.endpointPath ?? "none"
        Counter(
            label: "api.requests",
            dimensions: [("method", Self.name(request.method)), ("route", route), ("status", "\(status / 100)xx")]
        ).increment()
        Metrics.Timer(label: "api.request.duration.seconds", dimensions: [("route", route)]).record(duration: took)
        context.logger.log(
            level: status >= 500 ? .warning : status >= 400 ? .info : .debug, "request",
            metadata: [
                "http.method": .string(request.method.rawValue), "http.route": .string(route),
                "http.status": .stringConvertible(status), "client.address": .string(context.clientAddress ?? "none"),
                "duration.ms": .stringConvertible(took / .milliseconds(1)),
            ])
    }

    private static func name(_ method: HTTPRequest.Method) -> String {
        RouteTable.methods.contains(method) ? method.rawValue : "other"
    }
}
