import Domain
import Hummingbird

/// Builds the router from the declared endpoints.
struct RouteTable {
    /// The methods that are understood at all.
    static let methods: [HTTPRequest.Method] = [.get, .head, .post, .put, .patch, .delete, .options]
    /// The largest body that is read, in bytes: document 003's 1 MiB.
    static let bodyLimit = 1_048_576

    let endpoints: [Endpoint]
    let authenticator: Authenticator
    let allowedOrigins: [String]
    let clientAddress: ClientAddress

    /// The responder that serves every endpoint, and answers other methods on their paths with 405.
    func responder() -> RouterResponder<APIContext> {
        let router = Router(context: APIContext.self, options: .autoGenerateHeadEndpoints)
        router.add(middleware: RequestScope(clientAddress: clientAddress))
        router.add(middleware: CORS(allowedOrigins: Set(allowedOrigins)))
        router.add(middleware: ErrorMiddleware())
        for endpoint in endpoints {
            router.on(
                RouterPath(endpoint.path), method: endpoint.method,
                responder: EndpointResponder(endpoint: endpoint, authenticator: authenticator))
        }
        for (path, allowed) in allowedMethods {
            for method in Self.methods where !allowed.contains(method) {
                router.on(
                    RouterPath(path), method: method, responder: OtherMethod(allowed: allowed.map(\.rawValue)))
            }
        }
        return router.buildResponder()
    }

    /// For each path the methods that it answers to; `GET` brings `HEAD` with it, and `OPTIONS` is everywhere.
    private var allowedMethods: [String: [HTTPRequest.Method]] {
        Dictionary(grouping: endpoints, by: \.path).mapValues { endpoints in
            let declared = endpoints.map(\.method)
            return Self.methods.filter { declared.contains($0) || ($0 == .head && declared.contains(.get)) }
        }
    }
}

/// Answers a method that its path does not serve.
private struct OtherMethod: HTTPResponder {
    typealias Context = APIContext
    let allowed: [String]

    func respond(to request: Request, context: APIContext) async throws -> Response {
        guard request.method == .options else { throw APIError.methodNotAllowed(allowed: allowed + ["OPTIONS"]) }
        return Response(status: .noContent, headers: [.allow: (allowed + ["OPTIONS"]).joined(separator: ", ")])
    }
}

/// Authenticates, reads the body, and calls the handler.
private struct EndpointResponder: HTTPResponder {
    typealias Context = APIContext
    let endpoint: Endpoint
    let authenticator: Authenticator

    func respond(to request: Request, context: APIContext) async throws -> Response {
        switch endpoint.handler {
        case .open(let handler):
            return try await handler(Call(request: request, context: context, body: try await body(of: request)))
        case .account(let handler):
            let account = try await authenticator.account(of: request.headers[.authorization])
            var context = context
            context.account = account
            let call = Call(request: request, context: context, body: try await body(of: request))
            return try await handler(call, account)
        }
    }

    private func body(of request: Request) async throws -> JSON {
        guard endpoint.takesBody else { return .null }
        if let length = request.headers[.contentLength].flatMap({ Int($0) }), length > RouteTable.bodyLimit {
            throw APIError.payloadTooLarge(limit: RouteTable.bodyLimit)
        }
        guard Self.isJSON(request.headers[.contentType]), request.headers[.contentEncoding] ?? "identity" == "identity"
        else { throw APIError.unsupportedMediaType }
        let buffer = try await request.body.collect(upTo: RouteTable.bodyLimit)
        do {
            return try JSONReader.read(Array(buffer.readableBytesView))
        } catch {
            throw APIError.malformedJSON(error)
        }
    }

    /// Whether `contentType` is `application/json`, with whatever parameters.
    static func isJSON(_ contentType: String?) -> Bool {
        guard let type = contentType?.split(separator: ";", maxSplits: 1).first else { return false }
        return type.lowercased().filter { $0 != " " && $0 != "\t" } == "application/json"
    }
}
