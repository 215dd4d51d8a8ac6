import Hummingbird

extension Response {
    /// An answer whose body is the object that `body` writes.
    static func json(
        _ status: HTTPResponse.Status = .ok, headers: HTTPFields = [:], _ body: (inout JSONWriter) -> Void
    ) -> Response {
        .json(status, headers: headers, bytes: JSONWriter.document(body))
    }

    /// An answer whose body is the JSON text `bytes`.
    static func json(_ status: HTTPResponse.Status = .ok, headers: HTTPFields = [:], bytes: [UInt8]) -> Response {
        var headers = headers
        headers[.contentType] = "application/json"
        return Response(status: status, headers: headers, body: .init(byteBuffer: ByteBuffer(bytes: bytes)))
    }

    /// `{"data": {…}}`.
    static func data(_ status: HTTPResponse.Status = .ok, _ body: (inout JSONWriter) -> Void) -> Response {
        .json(status) { $0.member("data", object: body) }
    }

    /// 204 without a body.
    static var noContent: Response { Response(status: .noContent) }

    /// The one shape that every error has.
    static func error(_ error: APIError, requestID: String) -> Response {
        var headers: HTTPFields = [:]
        switch error {
        case .methodNotAllowed(let allowed): headers[.allow] = allowed.joined(separator: ", ")
        case .unauthorized: headers[.wwwAuthenticate] = "Bearer"
        case .unavailable: headers[.retryAfter] = "1"
        default: break
        }
        return .json(.init(code: error.status), headers: headers) { writer in
            writer.member(
                "error",
                object: { writer in
                    writer.member("code", error.code)
                    writer.member("message", error.message)
                    writer.member("details", array: error.details) { writer, detail in
                        writer.object {
                            $0.member("field", detail.field)
                            $0.member("issue", detail.issue)
                        }
                    }
                    writer.member("request_id", requestID)
                })
        }
    }
}
