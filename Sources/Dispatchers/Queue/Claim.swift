import Domain
import Foundation
import Templates

/// The right to record what became of a delivery, while it lasts.
struct Lease: Sendable, Hashable {
    let deliveryID: Int64
    let leaseID: Int64
}

/// A delivery that this process holds under a lease.
struct Claim: Sendable, Equatable {
    let id: Int64
    /// What proves that the delivery is still ours; a new one with every claim.
    let leaseID: Int64
    let actionID: Int64
    let actionVersion: Int64
    let eventID: EventID
    let kind: DeliveryKind
    let organizationID: UUID
    let destinationID: Int64
    let channel: Channel
    /// Which attempt this is, from 1.
    let attempt: Int
    /// Whether it announces an event whose block is no longer part of the chain.
    let isOrphaned: Bool

    var lease: Lease { Lease(deliveryID: id, leaseID: leaseID) }
    /// The action's version, so that every retry sends the same.
    var actionKey: ActionKey { ActionKey(actionID: actionID, version: actionVersion) }
}

/// What a sender needs to make one attempt.
///
/// A class, since it passes through many hands and never changes.
final class Message: Sendable {
    let claim: Claim
    let configuration: ActionConfiguration
    let notice: Notice
    /// The same on every attempt, see ``MessageID``.
    let id: String

    init(claim: Claim, configuration: ActionConfiguration, notice: Notice, id: String) {
        self.claim = claim
        self.configuration = configuration
        self.notice = notice
        self.id = id
    }
}
