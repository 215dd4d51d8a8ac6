import CCurl
import Glibc

/// One easy handle with the exchange that it carries; used again and again, on the loop's thread only.
final class Slot {
    let easy: UnsafeMutableRawPointer
    private(set) var order: Order?
    private var url: OpaquePointer?
    private var headerList: UnsafeMutablePointer<curl_slist>?
    private var policy: EgressPolicy?
    private var parser = HeaderParser(maximumBytes: 0)
    private var body: [UInt8] = []
    private var bodyBytes = 0
    private var isTruncated = false
    private var isTooLarge = false
    private var isHeadDelivered = false
    private var isPaused = false
    /// Whether a connection was ready for the request.
    private var isConnected = false
    /// Why the guard refused an address; once it did, it refuses all others of this exchange.
    private var refusal: TransportError?
    /// Whether a name may be being looked up at the moment.
    private(set) var isLookingUp = false
    private(set) var host = ""
    private let lookups: Lookups
    private let userAgent: String

    /// A handle with everything set that never changes.
    init?(configuration: CurlTransport.Configuration, lookups: Lookups) {
        guard let easy = curl_easy_init() else { return nil }
        self.easy = easy
        self.lookups = lookups
        userAgent = configuration.userAgent
        ccurl_set_callbacks(
            easy, Unmanaged.passUnretained(self).toOpaque(), Self.onBody, Self.onHeader, Self.onOpen, Self.onReady)
        for (option, value) in Self.constants { ccurl_set_long(easy, option, value) }
        ccurl_set_string(easy, CURLOPT_PROXY, "")
        ccurl_set_string(easy, CURLOPT_NOPROXY, "*")
        ccurl_set_string(easy, CURLOPT_PROTOCOLS_STR, "http,https")
        if let file = configuration.certificateAuthorities { ccurl_set_string(easy, CURLOPT_CAINFO, file) }
    }

    deinit {
        curl_easy_cleanup(easy)
        curl_slist_free_all(headerList)
        curl_url_cleanup(url)
    }

    private static let constants: [(CURLoption, Int)] = [
        (CURLOPT_NOSIGNAL, 1), (CURLOPT_FOLLOWLOCATION, 0), (CURLOPT_HTTP09_ALLOWED, 0), (CURLOPT_PATH_AS_IS, 1),
        (CURLOPT_TCP_NODELAY, 1), (CURLOPT_TCP_KEEPALIVE, 1), (CURLOPT_SSL_VERIFYPEER, 1), (CURLOPT_SSL_VERIFYHOST, 2),
        (CURLOPT_SSLVERSION, Int(CURL_SSLVERSION_TLSv1_2)),
        (CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_2TLS)),
        (CURLOPT_SUPPRESS_CONNECT_HEADERS, 1), (CURLOPT_NETRC, 0),
        // Many balancers cut idle connections at 60 s; a move in the name system takes effect within 5 minutes.
        (CURLOPT_MAXAGE_CONN, 45), (CURLOPT_MAXLIFETIME_CONN, 300),
        // Without it, giving up during a slow lookup would block the loop until the lookup ends.
        (CURLOPT_QUICK_EXIT, 1),
    ]

    // MARK: Life of an exchange

    /// Sets everything that differs between exchanges.
    func prepare(_ order: Order, left: Duration, policy: EgressPolicy) throws(TransportError) {
        let request = order.request
        self.order = order
        self.policy = request.guarded ? policy : nil
        parser = HeaderParser(maximumBytes: request.maximumHeaderBytes)
        if request.guarded { try policy.checkURL(request.url) }
        let parsed = try CurlURL(request.url)
        guard parsed.scheme == "https" || parsed.scheme == "http" else { throw .invalidURL("the scheme must be https") }
        host = parsed.host
        if !parsed.hostIsAddress, !lookups.isKnown(host, at: Monotonic.now) {
            isLookingUp = true
            lookups.begin()
        }
        url = parsed.release()
        ccurl_set_url(easy, url)
        headerList = try RequestHeader.list(request, userAgent: userAgent)
        ccurl_set_headers(easy, headerList)
        setMethod(request)
        ccurl_set_string(easy, CURLOPT_ACCEPT_ENCODING, request.acceptsCompression ? "gzip" : nil)
        ccurl_set_long(easy, CURLOPT_TIMEOUT_MS, max(1, left.clampedMilliseconds))
        ccurl_set_long(
            easy, CURLOPT_CONNECTTIMEOUT_MS, max(1, min(left, request.connectDeadline).clampedMilliseconds))
        // A large answer in few calls; a webhook's fits into the smallest buffer.
        ccurl_set_long(easy, CURLOPT_BUFFERSIZE, request.maximumBodyBytes > 1 << 20 ? 256 * 1024 : 16 * 1024)
    }

    private func setMethod(_ request: OutboundRequest) {
        ccurl_set_string(easy, CURLOPT_CUSTOMREQUEST, nil)
        ccurl_set_long(easy, CURLOPT_HTTPGET, 1)
        if request.method == "HEAD" {
            ccurl_set_long(easy, CURLOPT_NOBODY, 1)
        } else if request.method == "POST" || !request.body.isEmpty {
            ccurl_set_long(easy, CURLOPT_POST, 1)
            request.body.withUnsafeBytes { _ = ccurl_set_body(easy, $0.baseAddress, $0.count) }
        }
        if request.method != "HEAD" { ccurl_set_string(easy, CURLOPT_CUSTOMREQUEST, request.method) }
    }

    /// Lets go of the exchange; the handle and its connections stay.
    func clear() {
        ccurl_set_url(easy, nil)
        ccurl_set_headers(easy, nil)
        ccurl_set_long(easy, CURLOPT_HTTPGET, 1)
        curl_url_cleanup(url)
        curl_slist_free_all(headerList)
        url = nil
        headerList = nil
        order = nil
        policy = nil
        parser = HeaderParser(maximumBytes: 0)
        body = []
        bodyBytes = 0
        isTruncated = false
        isTooLarge = false
        isHeadDelivered = false
        isPaused = false
        isConnected = false
        refusal = nil
        endLookup()
    }

    private func endLookup() {
        guard isLookingUp else { return }
        isLookingUp = false
        lookups.end()
    }

    /// Lets the server go on, now that the reader has room.
    func unpause() {
        guard isPaused else { return }
        isPaused = false
        curl_easy_pause(easy, CURLPAUSE_CONT)
    }

    /// Answers whoever waits for the exchange.
    func answer(_ result: Result<OutboundResponse, TransportError>) {
        guard let order else { return }
        switch order.sink {
        case .whole(let continuation): continuation.resume(returning: result)
        case .stream(let buffer, let continuation):
            if !isHeadDelivered {
                continuation.resume(returning: result.map { ResponseHead(status: $0.status, headers: $0.headers) })
            }
            isHeadDelivered = true
            switch result {
            case .success: buffer.finish(nil)
            case .failure(let error): buffer.finish(error)
            }
        }
    }

    /// What the exchange came to, given libcurl's verdict.
    func result(_ code: CURLcode) -> Result<OutboundResponse, TransportError> {
        if let refusal { return .failure(refusal) }
        if parser.isTooLarge { return .failure(.headersTooLarge) }
        if isTooLarge { return .failure(.bodyTooLarge) }
        if code != CURLE_OK && !(isTruncated && code == CURLE_WRITE_ERROR) {
            return .failure(TransportError(code, isConnected: isConnected, deadline: order?.request.deadline ?? .zero))
        }
        return .success(
            OutboundResponse(
                status: getLong(CURLINFO_RESPONSE_CODE), headers: parser.fields, body: body,
                isBodyTruncated: isTruncated, timing: timing(), peer: peer(), httpVersion: version(),
                isReused: !hasOpened))
    }

    /// Whether a connection was opened for the exchange.
    var hasOpened: Bool { getLong(CURLINFO_NUM_CONNECTS) > 0 }

    // MARK: What libcurl knows afterwards

    private func timing() -> OutboundResponse.Timing {
        let lookup = getSize(CURLINFO_NAMELOOKUP_TIME_T)
        let connect = getSize(CURLINFO_CONNECT_TIME_T)
        let handshake = getSize(CURLINFO_APPCONNECT_TIME_T)
        return OutboundResponse.Timing(
            dns: .microseconds(lookup), connect: .microseconds(max(0, connect - lookup)),
            tls: .microseconds(max(0, handshake - connect)),
            firstByte: .microseconds(getSize(CURLINFO_STARTTRANSFER_TIME_T)),
            total: .microseconds(getSize(CURLINFO_TOTAL_TIME_T)))
    }

    private func peer() -> String? {
        var text: UnsafeMutablePointer<CChar>?
        guard ccurl_get_string(easy, CURLINFO_PRIMARY_IP, &text) == CURLE_OK, let text, text[0] != 0 else { return nil }
        let address = String(cString: text)
        let port = getLong(CURLINFO_PRIMARY_PORT)
        return address.utf8.contains(UInt8(ascii: ":")) ? "[\(address)]:\(port)" : "\(address):\(port)"
    }

    private func version() -> String {
        switch getLong(CURLINFO_HTTP_VERSION) {
        case Int(CURL_HTTP_VERSION_1_0): "1.0"
        case Int(CURL_HTTP_VERSION_2_0): "2"
        case Int(CURL_HTTP_VERSION_3): "3"
        default: "1.1"
        }
    }

    private func getLong(_ what: CURLINFO) -> Int {
        var value = 0
        return ccurl_get_long(easy, what, &value) == CURLE_OK ? value : 0
    }

    private func getSize(_ what: CURLINFO) -> Int64 {
        var value: curl_off_t = 0
        return ccurl_get_size(easy, what, &value) == CURLE_OK ? Int64(value) : 0
    }

    // MARK: What libcurl asks meanwhile

    /// Takes a piece of the body; answers how much of it was taken, less to end the exchange.
    private func receive(_ piece: UnsafeRawBufferPointer) -> Int {
        guard let order else { return 0 }
        if case .stream(let buffer, _) = order.sink, !piece.isEmpty, buffer.isFull {
            isPaused = true
            // The reader may have made room before it could see that we wait for it.
            if buffer.waitsForRoom() { return Int(CURL_WRITEFUNC_PAUSE) }
            isPaused = false
        }
        let room = order.request.maximumBodyBytes - bodyBytes
        if piece.count > room {
            switch order.request.bodyOverflow {
            case .fail:
                isTooLarge = true
                return 0
            case .truncate:
                isTruncated = true
                keep(UnsafeRawBufferPointer(rebasing: piece.prefix(max(0, room))), order.sink)
                return 0
            }
        }
        keep(piece, order.sink)
        return piece.count
    }

    private func keep(_ piece: UnsafeRawBufferPointer, _ sink: Order.Sink) {
        bodyBytes += piece.count
        switch sink {
        case .whole:
            if body.isEmpty { body.reserveCapacity(expectedBodyBytes(atLeast: piece.count)) }
            body.append(contentsOf: piece)
        case .stream(let buffer, _): if !piece.isEmpty { buffer.append(Array(piece)) }
        }
    }

    /// The announced length where it is believable, so that a body of megabytes is not copied while it grows.
    private func expectedBodyBytes(atLeast count: Int) -> Int {
        let announced = Int(clamping: getSize(CURLINFO_CONTENT_LENGTH_DOWNLOAD_T))
        // The slack lets a JSON parser read past the end, which saves it a copy.
        return max(count, min(announced, order?.request.maximumBodyBytes ?? 0, 64 << 20)) + 64
    }

    private func receiveHeader(_ line: UnsafeRawBufferPointer) -> Int {
        guard let order else { return 0 }
        parser.read(line)
        guard !parser.isTooLarge else { return 0 }
        if parser.isComplete, !isHeadDelivered, case .stream(_, let continuation) = order.sink {
            isHeadDelivered = true
            continuation.resume(
                returning: .success(
                    ResponseHead(status: getLong(CURLINFO_RESPONSE_CODE), headers: parser.fields)))
        }
        return line.count
    }

    private func open(_ address: UnsafePointer<curl_sockaddr>) -> curl_socket_t {
        if isLookingUp { lookups.found(host, at: Monotonic.now) }
        endLookup()
        if let policy {
            if refusal != nil { return CURL_SOCKET_BAD }
            var bytes = [UInt8](repeating: 0, count: 16)
            var port: UInt16 = 0
            let count = Int(ccurl_address(address, &bytes, &port))
            guard let found = IPAddress(bytes: bytes.prefix(count)) else {
                refusal = .blockedAddress("neither IPv4 nor IPv6")
                return CURL_SOCKET_BAD
            }
            guard passes(policy, found, port) else { return CURL_SOCKET_BAD }
        }
        return ccurl_open(address)
    }

    /// Checks the connection that carries the request, which may be an old one that an unguarded request opened.
    private func ready(_ peer: String, _ port: Int32) -> Bool {
        endLookup()
        isConnected = true
        guard let policy else { return true }
        guard let found = IPAddress(peer), let port = UInt16(exactly: port) else {
            refusal = .blockedAddress("neither IPv4 nor IPv6")
            return false
        }
        return passes(policy, found, port)
    }

    private func passes(_ policy: EgressPolicy, _ address: IPAddress, _ port: UInt16) -> Bool {
        do throws(TransportError) {
            try policy.check(address, port: port)
            return true
        } catch {
            refusal = error
            return false
        }
    }

    private static let onBody: ccurl_data_callback = { bytes, size, count, user in
        guard let bytes, let user else { return 0 }
        return Unmanaged<Slot>.fromOpaque(user).takeUnretainedValue()
            .receive(UnsafeRawBufferPointer(start: bytes, count: size * count))
    }

    private static let onHeader: ccurl_data_callback = { bytes, size, count, user in
        guard let bytes, let user else { return 0 }
        return Unmanaged<Slot>.fromOpaque(user).takeUnretainedValue()
            .receiveHeader(UnsafeRawBufferPointer(start: bytes, count: size * count))
    }

    private static let onOpen: ccurl_open_callback = { user, _, address in
        guard let address, let user else { return CURL_SOCKET_BAD }
        return Unmanaged<Slot>.fromOpaque(user).takeUnretainedValue().open(address)
    }

    private static let onReady: ccurl_ready_callback = { user, peer, _, port, _ in
        guard let user, let peer else { return CURL_PREREQFUNC_ABORT }
        let passes = Unmanaged<Slot>.fromOpaque(user).takeUnretainedValue().ready(String(cString: peer), port)
        return passes ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT
    }
}
