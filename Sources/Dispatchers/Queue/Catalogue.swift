import Domain
import Foundation
import Logging
import Signatures
import Storage
import Synchronization
import Templates

/// Action versions and events as they were read, since many deliveries share them.
final class Catalogue: Sendable {
    /// The most action versions and events that are kept.
    private static let actionsMaximum = 4096
    private static let eventsMaximum = 1024
    /// Events with more data are read again each time.
    private static let eventBytesMaximum = 16384

    private struct Action: Sendable {
        let row: ActionRow
        let configuration: Result<ActionConfiguration, Failure>
    }

    private struct State {
        var actions: [ActionKey: Action] = [:]
        var events: [EventID: StoredEvent] = [:]
    }

    private let database: Database
    private let secrets: SecretBox
    private let chains: [ChainID: Chain]
    private let logger: Logger
    private let state = Mutex(State())

    init(database: Database, secrets: SecretBox, chains: [Chain], logger: Logger) {
        self.database = database
        self.secrets = secrets
        self.chains = Dictionary(chains.map { ($0.id, $0) }) { first, _ in first }
        self.logger = logger
    }

    /// What to send for each of `claims`, in their order, or why nothing can be sent.
    ///
    /// At most two queries, whatever the number of claims.
    func messages(for claims: [Claim]) async throws -> [Result<Message, Failure>] {
        let channels = Dictionary(claims.map { ($0.actionKey, $0.channel) }) { first, _ in first }
        let actions = try await actions(for: channels)
        let events = try await events(for: Set(claims.map(\.eventID)))
        return claims.map { claim in
            guard let action = actions[claim.actionKey] else {
                return .failure(Failure(.configuration, "the action's version does not exist", retry: .never))
            }
            guard let event = events[claim.eventID]?.event else {
                return .failure(Failure(.configuration, "the event cannot be read", retry: .never))
            }
            return action.configuration.map { configuration in
                message(claim, configuration: configuration, row: action.row, event: event)
            }
        }
    }

    /// Forgets the versions of `actionID`, which were changed in place.
    func forget(actionID: Int64) {
        state.withLock { state in state.actions = state.actions.filter { $0.key.actionID != actionID } }
    }

    private func message(
        _ claim: Claim, configuration: ActionConfiguration, row: ActionRow, event: Event
    ) -> Message {
        let chain = chains[event.chainID]
        let notice = Notice(
            eventID: claim.eventID, event: event, kind: claim.kind, deliveryID: claim.id,
            triggerID: row.triggerID.uuidString.lowercased(), triggerName: row.triggerName, chainName: chain?.name,
            explorerURL: chain?.explorerURL)
        let id = MessageID.make(
            organization: claim.organizationID, actionID: claim.actionID, eventID: claim.eventID, kind: claim.kind)
        return Message(claim: claim, configuration: configuration, notice: notice, id: id)
    }

    private func actions(for channels: [ActionKey: Channel]) async throws -> [ActionKey: Action] {
        var found: [ActionKey: Action] = state.withLock { state in
            var found: [ActionKey: Action] = [:]
            for key in channels.keys { found[key] = state.actions[key] }
            return found
        }
        let missing = channels.keys.filter { found[$0] == nil }
        guard !missing.isEmpty else { return found }
        var usable: [ActionKey: Action] = [:]
        for row in try await database.query(LoadActions(keys: missing)) {
            guard let channel = channels[row.key] else { continue }
            let action = Action(row: row, configuration: configuration(of: row, channel))
            found[row.key] = action
            // What could not be used is read again: a key may be added meanwhile.
            if case .success = action.configuration { usable[row.key] = action }
        }
        state.withLock { [usable] state in
            if state.actions.count + usable.count > Self.actionsMaximum { state.actions.removeAll() }
            state.actions.merge(usable) { _, new in new }
        }
        return found
    }

    private func events(for ids: Set<EventID>) async throws -> [EventID: StoredEvent] {
        var found: [EventID: StoredEvent] = state.withLock { state in
            var found: [EventID: StoredEvent] = [:]
            for id in ids { found[id] = state.events[id] }
            return found
        }
        let missing = ids.filter { found[$0] == nil }
        guard !missing.isEmpty else { return found }
        let read = try await database.query(SelectEvents(ids: Array(missing)))
        for event in read { found[event.id] = event }
        state.withLock { state in
            if state.events.count + read.count > Self.eventsMaximum { state.events.removeAll() }
            for event in read where event.log.data.count <= Self.eventBytesMaximum { state.events[event.id] = event }
        }
        return found
    }

    private func configuration(of row: ActionRow, _ channel: Channel) -> Result<ActionConfiguration, Failure> {
        do {
            let stored = try row.secrets.map { try secrets.open($0, context: ActionSecrets.context) }
            guard let opened = ActionSecrets.decode(stored ?? Array("{}".utf8)) else {
                return .failure(Failure(.configuration, "the action's secrets cannot be read"))
            }
            let config = try JSON(parsing: Array(row.config.utf8))
            return .success(try ActionConfiguration(channel: channel, config: config, keeping: opened))
        } catch {
            logger.error(
                "an action cannot be used",
                metadata: ["action.id": "\(row.key.actionID)", "error": "\(type(of: error))"])
            return .failure(Failure(.configuration, "the action's config or secrets cannot be used"))
        }
    }
}
