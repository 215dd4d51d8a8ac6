/// Knows the hosts to which connections were opened that have not answered anybody yet.
///
/// A connection over HTTP/2 outlives the exchange that opened it where this was given up. Whoever is answered over it
/// first must hear that it is new, or nobody ever would.
struct FirstAnswers {
    private var hosts: Set<String> = []
    /// Beyond so many every answer counts as a first one.
    private static let hostsMax = 1_024
    private var isFull: Bool { hosts.count >= Self.hostsMax }

    /// Notes that an exchange opened a connection to `host` and ended without an answer.
    mutating func opened(_ host: String) { if !isFull { hosts.insert(host) } }

    /// Whether an answer of `host` came over a connection that had answered before, as far as libcurl's word goes that it
    /// was not opened for this exchange.
    mutating func isReused(_ host: String, asCurlSays isReused: Bool) -> Bool {
        guard !isFull else { return false }
        return hosts.remove(host) == nil && isReused
    }
}
