import Domain
import Hummingbird

/// One method on one path, declared: what routes, authenticates and answers it.
///
/// The list of all endpoints is the one description of the surface; the router, `Allow` headers and whatever else
/// describes the API are made from it.
struct Endpoint: Sendable {
    enum Handler: Sendable {
        /// For everybody.
        case open(@Sendable (Call) async throws -> Response)
        /// For the holder of a valid token.
        case account(@Sendable (Call, Account) async throws -> Response)
    }

    let method: HTTPRequest.Method
    /// With parameters in braces, `/api/v1/triggers/{id}`.
    let path: String
    /// Whether a JSON body is read.
    let takesBody: Bool
    let handler: Handler

    static func open(
        _ method: HTTPRequest.Method, _ path: String, _ handler: @escaping @Sendable (Call) async throws -> Response
    ) -> Endpoint {
        Endpoint(method: method, path: path, takesBody: method.hasBody, handler: .open(handler))
    }

    static func account(
        _ method: HTTPRequest.Method, _ path: String,
        _ handler: @escaping @Sendable (Call, Account) async throws -> Response
    ) -> Endpoint {
        Endpoint(method: method, path: path, takesBody: method.hasBody, handler: .account(handler))
    }
}

extension HTTPRequest.Method {
    /// Whether requests of this method carry a document here.
    var hasBody: Bool { self == .post || self == .put || self == .patch }
}

/// A request on its way to the handler of its endpoint.
struct Call: Sendable {
    let request: Request
    let context: APIContext
    /// The document that was sent; null on endpoints that take none.
    let body: JSON

    /// The parameter `name` of the path, as it was sent.
    func parameter(_ name: String) -> String { context.parameters.get(name) ?? "" }

    /// The identifier `name` in the path.
    ///
    /// - Throws: `APIError.notFound` for what no identifier looks like: nothing can be there.
    func id<ID>(_ name: String = "id", of what: String, _ parse: (String) -> ID?) throws(APIError) -> ID {
        guard let id = parse(parameter(name)) else { throw .notFound(what) }
        return id
    }
}
