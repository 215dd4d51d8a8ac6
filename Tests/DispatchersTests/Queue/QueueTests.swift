import Domain
import Foundation
import HTTPClient
import Storage
import TestSupport
import Testing

@testable import Dispatchers

@Suite(.freshDatabase) struct QueueTests {
    static let hook = #"{"url":"https://hooks.example/x"}"#

    static func outcome(_ claim: Claim, _ disposition: Disposition, _ failure: Failure? = nil) -> Outcome {
        let now = Date()
        return Outcome(
            lease: claim.lease, number: claim.attempt, disposition: disposition,
            attempt: Attempt(startedAt: now, endedAt: now, failure: failure))
    }

    @Test("claims of several processes never share a row, and each claim has a lease of its own")
    func disjointClaims() async throws {
        let fixture = try await Fixture()
        let action = try await fixture.addAction(.rest, Self.hook)
        let ids = try await fixture.addDeliveries(action, count: 300)
        let claims = try await withThrowingTaskGroup(of: [Claim].self) { group in
            for _ in 0..<12 {
                group.addTask {
                    try await fixture.database.query(ClaimDeliveries(limit: 40, lease: .seconds(60)))
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        let claimed = claims.flatMap { $0 }
        #expect(claimed.count == 300 && Set(claimed.map(\.id)) == Set(ids))
        #expect(claims.allSatisfy { Set($0.map(\.leaseID)).count <= 1 })
        #expect(Set(claimed.map(\.leaseID)).count == claims.filter { !$0.isEmpty }.count)
        #expect(claimed.allSatisfy { $0.attempt == 1 && $0.actionID == action && $0.channel == .rest })
    }

    @Test("the fresh lane leaves old rows to the sweep; neither takes what is not due")
    func lanes() async throws {
        let fixture = try await Fixture()
        let action = try await fixture.addAction(.rest, Self.hook)
        let ids = try await fixture.addDeliveries(action, count: 3)
        try await fixture.test.run(
            """
            UPDATE deliveries SET run_at = now() - interval '1 hour' WHERE id = \(ids[0]);
            UPDATE deliveries SET run_at = now() + interval '1 hour' WHERE id = \(ids[1]);
            """)
        #expect(try await fixture.database.query(ClaimDeliveries(limit: 9, lease: .seconds(60))).map(\.id) == [ids[2]])
        #expect(try await fixture.database.query(SweepDeliveries(limit: 9, lease: .seconds(60))).map(\.id) == [ids[0]])
    }

    @Test("outcomes move rows, log attempts and count them; a stale lease changes nothing")
    func outcomes() async throws {
        let fixture = try await Fixture()
        let action = try await fixture.addAction(.rest, Self.hook)
        try await fixture.addDeliveries(action, count: 5)
        let claims = try await fixture.database.query(SweepDeliveries(limit: 9, lease: .seconds(60)))
            .sorted { $0.id < $1.id }
        let stale = Claim(
            id: claims[4].id, leaseID: claims[4].leaseID + 1000, actionID: action, actionVersion: 1,
            eventID: claims[4].eventID, kind: .notification, organizationID: Sample.organization, destinationID: 1,
            channel: .rest, attempt: 1, isOrphaned: false)
        let written = try await fixture.database.query(
            FinishDeliveries(outcomes: [
                Self.outcome(claims[0], .delivered),
                Self.outcome(claims[1], .failed, Failure(.gone, "gone")),
                Self.outcome(claims[2], .retry(after: .seconds(100)), Failure(.connect, "no")),
                Self.outcome(claims[3], .giveBack(after: .seconds(7)), Failure(.shutdown, "stopped")),
                Self.outcome(stale, .delivered),
            ]))
        #expect(Set(written) == Set(claims.prefix(4).map(\.id)))

        let finished = try await fixture.finished()
        #expect(finished.map(\.id) == [claims[0].id, claims[1].id])
        #expect(finished.map(\.outcome) == ["delivered", "failed"] && finished.map(\.attempt) == [1, 1])
        let due = try await fixture.due()
        #expect(due.map(\.id) == [claims[2].id, claims[3].id, claims[4].id])
        #expect(due.map(\.state) == [0, 0, 1] && due.map(\.attempt) == [1, 0, 1])
        #expect((99...100).contains(due[0].dueIn) && (6...7).contains(due[1].dueIn))
        #expect(due[2].leaseID == claims[4].leaseID)
        let attempts = try await fixture.attempts()
        #expect(attempts.map(\.deliveryID) == claims.prefix(4).map(\.id), "nothing is logged for the stale outcome")
        #expect(attempts.map(\.errorClass) == [nil, "gone", "connect", "shutdown"])
        #expect(attempts.map(\.hasNext) == [false, false, true, true])

        // The same outcomes again, as after an unknown commit, are harmless.
        let again = try await fixture.database.query(FinishDeliveries(outcomes: [Self.outcome(claims[0], .delivered)]))
        #expect(again.isEmpty)
        #expect(try await fixture.attempts().count == 4)
    }

    @Test("expired leases are rescued and counted; a renewed one is not; the thirteenth loss is the last")
    func rescue() async throws {
        let fixture = try await Fixture()
        let action = try await fixture.addAction(.rest, Self.hook)
        let ids = try await fixture.addDeliveries(action, count: 3)
        let claims = try await fixture.database.query(SweepDeliveries(limit: 9, lease: .zero)).sorted { $0.id < $1.id }
        try await fixture.database.execute(
            RenewLeases(
                held: [claims[0].lease, Lease(deliveryID: claims[1].id, leaseID: claims[1].leaseID + 9)],
                lease: .seconds(60)))
        try await fixture.test.run("UPDATE deliveries SET attempt = 13 WHERE id = \(ids[2])")
        let rescued = try await fixture.database.query(RescueDeliveries(limit: 10, lease: .seconds(60)))
        #expect(Set(rescued) == [ids[1], ids[2]])

        let due = try await fixture.due()
        #expect(due.map(\.id) == [ids[0], ids[1]] && due.map(\.state) == [1, 0] && due.map(\.attempt) == [1, 1])
        #expect((4...5).contains(due[1].dueIn))
        #expect(try await fixture.finished().map(\.id) == [ids[2]])
        #expect(try await fixture.attempts().map(\.errorClass) == ["lost_worker", "lost_worker"])

        // The worker that lost its lease comes back and wants to record its success.
        let late = try await fixture.database.query(FinishDeliveries(outcomes: [Self.outcome(claims[1], .delivered)]))
        #expect(late.isEmpty)
        #expect(try await fixture.due().count == 2)
    }

    @Test("unattempted claims go back with their count unchanged")
    func returning() async throws {
        let fixture = try await Fixture()
        try await fixture.addDeliveries(try await fixture.addAction(.rest, Self.hook), count: 2)
        let claims = try await fixture.database.query(SweepDeliveries(limit: 9, lease: .seconds(60)))
        try await fixture.database.execute(ReturnDeliveries(claims: claims.map { ($0, .seconds(30)) }))
        let due = try await fixture.due()
        #expect(due.allSatisfy { $0.attempt == 0 && $0.state == 0 && (29...30).contains($0.dueIn) })
        #expect(try await fixture.attempts().isEmpty)
    }
}
