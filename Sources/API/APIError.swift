/// One thing wrong with what a client sent, and where it stands.
struct FieldIssue: Equatable {
    /// The member's path, `conditions[0].field`; a query parameter's or header's name.
    let field: String
    /// What is wrong, as the end of the sentence that the field begins.
    let issue: String
}

/// Why a request was not served; everything that a client is told about it.
enum APIError: Error, Equatable {
    /// Fields are missing, unknown or out of range: all of them.
    case invalid([FieldIssue])
    /// The body is not JSON.
    case malformedJSON(JSONProblem)
    /// No token, or one that does not hold.
    case unauthorized(TokenProblem)
    case invalidCredentials
    case accountDisabled
    /// The caller's role does not allow it.
    case roleRequired(String)
    /// Nothing of this name is visible to the caller.
    case notFound(String)
    case methodNotAllowed(allowed: [String])
    case methodUnknown
    /// A unique name is taken.
    case taken(field: String)
    case payloadTooLarge(limit: Int)
    case unsupportedMediaType
    /// Something that the answer depends on does not work now; trying again later can help.
    case unavailable(String)
    case agentLink(AgentLinkRefusal)
    /// A fault of ours; the log has the reason.
    case internalError
}

/// Why a bearer token was refused.
enum TokenProblem: Error, Equatable {
    case missing, malformed, wrongAlgorithm, wrongSignature, expired, unknownAccount
}

extension APIError {
    /// The status line's number.
    var status: Int {
        switch self {
        case .invalid, .malformedJSON: 400
        case .unauthorized, .invalidCredentials: 401
        case .accountDisabled, .roleRequired: 403
        case .notFound: 404
        case .methodNotAllowed: 405
        case .taken: 409
        case .payloadTooLarge: 413
        case .unsupportedMediaType: 415
        case .methodUnknown: 501
        case .unavailable: 503
        case .internalError: 500
        case .agentLink(let refusal): refusal.status
        }
    }

    /// The stable name that programs compare.
    var code: String {
        switch self {
        case .invalid: "VALIDATION_ERROR"
        case .malformedJSON: "MALFORMED_JSON"
        case .unauthorized(.expired): "TOKEN_EXPIRED"
        case .unauthorized: "UNAUTHORIZED"
        case .invalidCredentials: "INVALID_CREDENTIALS"
        case .accountDisabled: "ACCOUNT_DISABLED"
        case .roleRequired: "FORBIDDEN"
        case .notFound: "NOT_FOUND"
        case .methodNotAllowed: "METHOD_NOT_ALLOWED"
        case .methodUnknown: "NOT_IMPLEMENTED"
        case .taken: "CONFLICT"
        case .payloadTooLarge: "PAYLOAD_TOO_LARGE"
        case .unsupportedMediaType: "UNSUPPORTED_MEDIA_TYPE"
        case .unavailable: "UNAVAILABLE"
        case .internalError: "INTERNAL_ERROR"
        case .agentLink(let refusal): refusal.code
        }
    }

    /// A sentence for people.
    var message: String {
        switch self {
        case .invalid(let issues):
            issues.count == 1 ? "\(issues[0].field) \(issues[0].issue)." : "\(issues.count) fields are invalid."
        case .malformedJSON(let problem): "The body is not valid JSON: \(problem.reason), at byte \(problem.offset)."
        case .unauthorized(.missing): "Send a token: Authorization: Bearer <token>."
        case .unauthorized(.expired): "The token has expired; log in again."
        case .unauthorized: "The token is not valid."
        case .invalidCredentials: "The user name or the password is wrong."
        case .accountDisabled: "This account is disabled."
        case .roleRequired(let roles): "This needs the role \(roles) in the organization."
        case .notFound(let what): "\(what) was not found."
        case .methodNotAllowed(let allowed): "This path answers to \(allowed.joined(separator: ", "))."
        case .methodUnknown: "This method is not known here."
        case .taken(let field): "This \(field) is taken."
        case .payloadTooLarge(let limit): "The body is larger than \(limit) bytes."
        case .unsupportedMediaType: "Send the body as application/json, not compressed."
        case .unavailable(let reason): reason
        case .internalError: "Something went wrong on our side; the request id finds it in the log."
        case .agentLink(let refusal): refusal.message
        }
    }

    /// Every failing field; empty where no field is to blame.
    var details: [FieldIssue] {
        switch self {
        case .invalid(let issues): issues
        case .taken(let field): [FieldIssue(field: field, issue: "is taken")]
        default: []
        }
    }
}
