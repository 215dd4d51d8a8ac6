/// What sends HTTP requests: libcurl in production, a script in tests.
public protocol Transport: Sendable {
    /// Sends `request` and answers with the whole response, whatever its status.
    ///
    /// Cancelling the task ends the exchange. Redirects are answers like any other.
    func send(_ request: OutboundRequest) async throws(TransportError) -> OutboundResponse

    /// Sends `request` and answers as soon as the header is there; the body follows in pieces.
    ///
    /// Letting go of the body before its end closes the connection. The request's limits hold for the body, too.
    func stream(_ request: OutboundRequest) async throws(TransportError) -> StreamedResponse
}

extension Transport {
    /// Sends `request` whole and hands its body out as one piece, for transports that do not stream.
    public func stream(_ request: OutboundRequest) async throws(TransportError) -> StreamedResponse {
        let response = try await send(request)
        return StreamedResponse(
            status: response.status, headers: response.headers,
            body: ResponseBody(pieces: response.body.isEmpty ? [] : [response.body]))
    }
}
