import Hummingbird
import Logging
import Storage

/// Turns whatever was thrown into the one error shape.
struct ErrorMiddleware: RouterMiddleware {
    typealias Context = APIContext

    func handle(
        _ request: Request, context: APIContext, next: (Request, APIContext) async throws -> Response
    ) async throws -> Response {
        do {
            guard RouteTable.methods.contains(request.method) else { throw APIError.methodUnknown }
            return try await next(request, context)
        } catch {
            return .error(apiError(for: error, context: context), requestID: context.requestID)
        }
    }

    private func apiError(for error: any Error, context: APIContext) -> APIError {
        switch error {
        case let error as APIError: return error
        case let error as StorageError where error.isTransient:
            context.logger.warning("database unavailable", metadata: ["error": "\(error)"])
            return .unavailable("The database does not answer now.")
        case let error as any HTTPResponseError where error.status == .notFound: return .notFound("This path")
        case let error as any HTTPResponseError where error.status == .contentTooLarge:
            return .payloadTooLarge(limit: RouteTable.bodyLimit)
        case is CancellationError: return .unavailable("The server is shutting down.")
        default:
            context.logger.error("request failed", metadata: ["error": "\(error)"])
            return .internalError
        }
    }
}
