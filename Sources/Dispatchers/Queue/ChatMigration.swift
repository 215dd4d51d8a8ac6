import Logging
import Storage
import Templates

/// Records that a Telegram group has another id now.
struct ChatMigration: Sendable {
    let database: Database
    let catalogue: Catalogue
    let logger: Logger

    /// Points the destination of `message`, and what its actions store, to `chat`.
    ///
    /// Where it fails the sender still knows, and is told again after a restart.
    func record(_ message: Message, movedTo chat: Int64) async {
        let claim = message.claim
        let metadata: Logger.Metadata = ["delivery.id": "\(claim.id)", "destination.id": "\(claim.destinationID)"]
        do {
            try await database.transaction { connection in
                try await connection.execute(
                    MoveActionsToChat(
                        destinationID: claim.destinationID, oldChat: message.configuration.target, newChat: String(chat)
                    ))
                try await connection.execute(
                    MoveDestinationToChat(destinationID: claim.destinationID, newChat: String(chat)))
            }
            catalogue.forget(actionID: claim.actionID)
            logger.notice("a Telegram group became a supergroup", metadata: metadata)
        } catch {
            logger.warning("a Telegram group's new id could not be recorded", metadata: metadata)
        }
    }
}
