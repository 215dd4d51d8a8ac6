import Domain

/// Notices a socket on which heads stopped coming although the connection stands.
///
/// It is held against what polling shows, because pings are answered by whatever stands in front of the node.
struct SilenceWatch: Sendable {
    /// So many blocks must have been polled since the socket's last word...
    static let blocksMax = 3
    /// ...and so much time have gone by, or a fast chain would condemn a socket over a moment's delay.
    static let patience: Duration = .seconds(10)

    private var lastWord: Duration
    private var polled: BlockNumber?
    private var polledAtLastWord: BlockNumber?

    /// A watch over a socket that was opened at `now`.
    init(at now: Duration) { lastWord = now }

    /// Takes note that the socket announced a block.
    mutating func heard(at now: Duration) {
        lastWord = now
        polledAtLastWord = polled
    }

    /// Takes note that polling showed `head`; answers whether the socket is to be given up.
    mutating func polled(_ head: BlockNumber, at now: Duration) -> Bool {
        polled = head
        guard let since = polledAtLastWord else {
            polledAtLastWord = head
            return false
        }
        return since.distance(to: head) >= Self.blocksMax && now - lastWord >= Self.patience
    }
}
