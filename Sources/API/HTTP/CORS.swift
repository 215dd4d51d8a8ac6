import Hummingbird

/// Lets pages of listed origins read answers.
///
/// - SeeAlso: Fetch standard, "CORS protocol".
struct CORS: RouterMiddleware {
    typealias Context = APIContext

    /// Origins as browsers send them, `https://app.example.com`, or `*` for all of them.
    ///
    /// Tokens travel in a header, never in a cookie, so credentials are not allowed.
    let allowedOrigins: Set<String>

    private static let methods = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
    private static let requestHeaders =
        "Authorization, Content-Type, Accept, X-Organization-ID, X-Request-ID, X-API-Key, Idempotency-Key, "
        + "X-Idempotency-Key, If-Match, If-None-Match"
    private static let exposedHeaders =
        "X-Request-ID, API-Version, Retry-After, ETag, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, "
        + "X-RateLimit-Window, X-RateLimit-Status, X-Idempotency-Replayed"

    func handle(
        _ request: Request, context: APIContext, next: (Request, APIContext) async throws -> Response
    ) async throws -> Response {
        guard let origin = request.headers[.origin] else { return try await next(request, context) }
        let isAllowed = allowedOrigins.contains(origin) || allowedOrigins.contains("*")
        if request.method == .options, request.headers[.accessControlRequestMethod] != nil {
            var headers: HTTPFields = [.vary: "Origin"]
            if isAllowed {
                headers[.accessControlAllowOrigin] = origin
                headers[.accessControlAllowMethods] = Self.methods
                headers[.accessControlAllowHeaders] = Self.requestHeaders
                headers[.accessControlMaxAge] = "3600"
            }
            return Response(status: .noContent, headers: headers)
        }
        var response = try await next(request, context)
        guard response.headers[.accessControlAllowOrigin] == nil else { return response }
        response.headers[.vary] = "Origin"
        if isAllowed {
            response.headers[.accessControlAllowOrigin] = origin
            response.headers[.accessControlExposeHeaders] = Self.exposedHeaders
        }
        return response
    }
}
