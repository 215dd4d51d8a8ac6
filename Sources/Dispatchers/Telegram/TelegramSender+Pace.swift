import Templates

extension TelegramSender {
    /// What the sending of `message` is paced by: its chat, then its bot; nothing for other channels.
    func pace(of message: Message) -> [(Pacer.Key, Pacer.Rate)] {
        guard case .telegram(let action) = message.configuration.action, let token = token(of: action) else {
            return []
        }
        // Ids of groups and channels are negative, and only channels and groups have public names.
        let isPrivate = action.chatID.utf8.first.map { $0 != UInt8(ascii: "-") && $0 != UInt8(ascii: "@") } ?? false
        return [
            (Pacer.Key(name: "\(token) \(action.chatID)", isBot: false), isPrivate ? .chat : .group),
            (Pacer.Key(name: token, isBot: true), .bot),
        ]
    }
}
