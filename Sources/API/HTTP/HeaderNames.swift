import HTTPTypes

extension HTTPField.Name {
    static let apiVersion = name("API-Version")
    static let xRequestID = name("X-Request-ID")
    static let xForwardedFor = name("X-Forwarded-For")
    static let xFrameOptions = name("X-Frame-Options")
    static let referrerPolicy = name("Referrer-Policy")
    static let xOrganizationID = name("X-Organization-ID")

    private static func name(_ text: String) -> HTTPField.Name {
        guard let name = HTTPField.Name(text) else { preconditionFailure("a header name is a token") }
        return name
    }
}
