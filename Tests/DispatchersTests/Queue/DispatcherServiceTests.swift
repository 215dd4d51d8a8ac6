import Domain
import Foundation
import HTTPClient
import ServiceLifecycle
import Signatures
import Storage
import Synchronization
import Templates
import TestSupport
import Testing

@testable import Dispatchers

@Suite(.freshDatabase) struct DispatcherServiceTests {
    static let hook = #"{"url":"https://hooks.example/x"}"#

    @Test("every delivery of every channel is sent once and recorded")
    func allChannels() async throws {
        let fixture = try await Fixture()
        let actions = [
            try await fixture.addAction(
                .rest, #"{"url":"https://hooks.example/x","secret":"\#(RESTSenderTests.secret)"}"#),
            try await fixture.addAction(.telegram, #"{"chat_id":5,"message_template":"Agent {{agent_id}}"}"#),
            try await fixture.addAction(.mcp, #"{"server_url":"https://agent.example/mcp","tool_name":"notify"}"#),
        ]
        for action in actions { try await fixture.addDeliveries(action, count: 3) }
        try await fixture.addDeliveries(actions[0], kind: .retraction)

        let mcp = MCPSenderTests.server { _, id, _ in MCPSenderTests.answer(id) }
        let transport = ScriptedTransport { request, _ throws(TransportError) in
            if request.url.contains("telegram") { return TelegramSenderTests.success }
            if request.url.contains("agent") { return try await mcp.send(request) }
            return OutboundResponse(
                status: 200, headers: ["Server": "test"], body: Array("fine".utf8), peer: "192.0.2.1:443")
        }
        try await fixture.running(transport) { _ in
            try await fixture.eventually { try await $0.finished().count == 10 }
        }
        #expect(try await fixture.due().isEmpty)
        #expect(try await fixture.finished().allSatisfy { $0.outcome == "delivered" && $0.attempt == 1 })
        let attempts = try await fixture.attempts()
        #expect(attempts.count == 10)
        #expect(
            attempts.allSatisfy { $0.errorClass == nil && $0.status == 200 && $0.number == 1 && $0.hash?.count == 32 })
        #expect(attempts[0].body == Array("fine".utf8) && attempts[0].headers == #"{"server":"test"}"#)

        let hooks = transport.requests.filter { $0.url.contains("hooks") }
        #expect(Set(hooks.map { $0.headers["webhook-id"] }).count == 4)
        let agents = hooks.compactMap { $0.json?["data"]?["parameters"]?["agent_id"]?.string }
        #expect(agents.sorted() == ["1", "1", "2", "3"])
        #expect(hooks.filter { $0.json?["type"] == .string("erc8004.registered.retracted") }.count == 1)
        #expect(
            transport.requests.filter { $0.url.contains("telegram") }.compactMap { $0.json?["text"]?.string }.sorted()
                == ["Agent 1", "Agent 2", "Agent 3"])
    }

    @Test("a failure is tried again on the schedule, with the same message")
    func retry() async throws {
        let fixture = try await Fixture()
        try await fixture.addDeliveries(try await fixture.addAction(.rest, Self.hook))
        let transport = ScriptedTransport { _, number in OutboundResponse(status: number == 1 ? 500 : 200) }
        try await fixture.running(transport) { _ in
            try await fixture.eventually { try await $0.attempts().count == 1 }
            let due = try await fixture.due()
            #expect(due[0].attempt == 1 && due[0].state == 0 && (3...6).contains(due[0].dueIn))
            try await fixture.test.run("UPDATE deliveries SET run_at = now()")
            try await fixture.eventually { try await $0.finished().count == 1 }
        }
        #expect(try await fixture.attempts().map(\.errorClass) == ["http_5xx", nil])
        #expect(try await fixture.attempts().map(\.number) == [1, 2])
        let requests = transport.requests
        #expect(requests[0].headers["webhook-id"] == requests[1].headers["webhook-id"])
        #expect(requests[0].body == requests[1].body)
        #expect(requests.map { $0.headers["x-tocsin-attempt"] } == ["1", "2"])
    }

    @Test("a notification whose event was orphaned is not sent, nor tried again; its retraction is")
    func orphaned() async throws {
        let fixture = try await Fixture()
        let action = try await fixture.addAction(.rest, Self.hook)
        try await fixture.addDeliveries(action, count: 2)
        try await fixture.addDeliveries(action, kind: .retraction)
        try await fixture.test.run(
            """
            UPDATE events SET is_canonical = false WHERE id = (SELECT min(id) FROM events);
            UPDATE deliveries SET attempt = 1 WHERE id = (SELECT min(id) FROM deliveries);
            """)
        let transport = ScriptedTransport { _, _ in OutboundResponse(status: 200) }
        try await fixture.running(transport) { _ in
            try await fixture.eventually { try await $0.finished().count == 3 }
        }
        let finished = try await fixture.finished()
        #expect(finished.map(\.outcome) == ["cancelled", "delivered", "delivered"])
        #expect(finished.map(\.attempt) == [1, 1, 1])
        #expect(try await fixture.attempts().map(\.deliveryID) == finished.dropFirst().map(\.id))
        #expect(transport.requests.count == 2)
    }

    @Test("webhooks reach a real server over real connections, which are few, and verify there")
    func realServer() async throws {
        let fixture = try await Fixture()
        let server = try TestServer { request, writer in
            let isFirst = request.headers["x-tocsin-attempt"] == "1" && request.text.contains(#""agent_id":"3""#)
            writer.answer(isFirst ? 503 : 200, "noted", headers: isFirst ? [("Retry-After", "1")] : [])
            return .keep
        }
        defer { server.stop() }
        let action = try await fixture.addAction(
            .rest, #"{"url":"\#(server.url("/hook"))","secret":"\#(RESTSenderTests.secret)"}"#)
        try await fixture.addDeliveries(action, count: 200)
        let transport = CurlTransport(policy: EgressPolicy(allowing: [CIDR("127.0.0.0/8")!]))
        try await fixture.running(transport) { _ in
            try await fixture.eventually { fixture in
                try await fixture.test.run("UPDATE deliveries SET run_at = now() WHERE state = 0 AND attempt > 0")
                return try await fixture.finished().count == 200
            }
        }
        await transport.shutdown()
        let requests = server.requests
        #expect(requests.count == 201 && server.connections <= 8)
        #expect(Set(requests.map { $0.headers["webhook-id"] }).count == 200)
        let verifier = try WebhookVerifier(RESTSenderTests.secret)
        for request in requests {
            let time = Int64(request.headers["webhook-timestamp"] ?? "") ?? 0
            #expect(
                WebhookSigner.isValid(
                    header: request.headers["webhook-signature"] ?? "", id: request.headers["webhook-id"] ?? "",
                    timestamp: time, body: request.body, verifiers: [verifier],
                    now: Int64(Date().timeIntervalSince1970)))
        }
        let attempts = try await fixture.attempts()
        #expect(attempts.count == 201 && attempts.filter { $0.errorClass == "http_5xx" }.count == 1)
        #expect(attempts.allSatisfy { $0.body == Array("noted".utf8) })
    }

    @Test("what the egress guard refuses is not sent and not tried again")
    func guarded() async throws {
        let fixture = try await Fixture()
        let server = try TestServer { _, writer in
            writer.answer(200)
            return .keep
        }
        defer { server.stop() }
        try await fixture.addDeliveries(try await fixture.addAction(.rest, #"{"url":"\#(server.url())"}"#))
        let transport = CurlTransport(policy: EgressPolicy())
        try await fixture.running(transport) { _ in
            try await fixture.eventually { try await $0.finished().map(\.outcome) == ["failed"] }
        }
        await transport.shutdown()
        #expect(server.connections == 0)
        #expect(["blocked_ip", "invalid_url"].contains(try await fixture.attempts().first?.errorClass))
    }

    @Test("an announcement wakes the dispatcher long before its poll")
    func announcement() async throws {
        let fixture = try await Fixture()
        let action = try await fixture.addAction(.rest, Self.hook)
        let transport = ScriptedTransport { _, _ in OutboundResponse(status: 200) }
        let settings = fixture.settings { $0.pollInterval = .seconds(3600) }
        try await fixture.running(transport, settings: settings) { service in
            // Twice, so that the second announcement surely comes after the listener is there.
            for agent in 1...2 as ClosedRange<UInt64> {
                try await fixture.addDeliveries(action, from: agent)
                let count = Int(agent)
                try await fixture.eventually { fixture in
                    fixture.database.notify(DispatcherService.channel)
                    return try await fixture.finished().count == count
                }
            }
            try await fixture.addDeliveries(action, from: 3)
            service.wake()
            try await fixture.eventually { try await $0.finished().count == 3 }
        }
    }

    @Test("what cannot be loaded fails with a reason and leaves the rest alone")
    func unusableActions() async throws {
        let fixture = try await Fixture()
        let good = try await fixture.addAction(.rest, Self.hook)
        let badConfig = try await fixture.addAction(.rest, Self.hook)
        let badSecret = try await fixture.addAction(.rest, Self.hook)
        let noVersion = try await fixture.addAction(.rest, Self.hook)
        for action in [good, badConfig, badSecret, noVersion] { try await fixture.addDeliveries(action) }
        try await fixture.test.run(
            """
            UPDATE action_versions SET config = '{"url":7}' WHERE action_id = \(badConfig);
            UPDATE action_versions SET secrets = '\\x0102' WHERE action_id = \(badSecret);
            DELETE FROM action_versions WHERE action_id = \(noVersion);
            """)
        let transport = ScriptedTransport { _, _ in OutboundResponse(status: 200) }
        try await fixture.running(transport) { _ in
            try await fixture.eventually { try await $0.attempts().count == 4 }
        }
        #expect(transport.requests.count == 1)
        #expect(try await fixture.finished().map(\.outcome) == ["delivered", "failed"])
        #expect(
            try await fixture.attempts().map(\.errorClass) == [nil, "configuration", "configuration", "configuration"])
        #expect(try await fixture.due().count == 2, "a key may come back")
    }

    @Test("no destination gets more than its share at once, and others are served meanwhile")
    func concurrency() async throws {
        let fixture = try await Fixture()
        let slow = try await fixture.addAction(.rest, #"{"url":"https://slow.example/x"}"#)
        let quick = try await fixture.addAction(.rest, #"{"url":"https://quick.example/x"}"#)
        try await fixture.addDeliveries(slow, count: 20)
        try await fixture.addDeliveries(quick, count: 20)
        let release = Signal()
        let running = Mutex((now: 0, most: 0))
        let transport = ScriptedTransport { request, _ in
            guard request.url.contains("slow") else { return OutboundResponse(status: 200) }
            running.withLock { running in
                running.now += 1
                running.most = max(running.most, running.now)
            }
            try? await release.wait()
            running.withLock { $0.now -= 1 }
            return OutboundResponse(status: 200)
        }
        let settings = fixture.settings { settings in
            settings.capacity = 10
            settings.perDestination = 4
        }
        try await fixture.running(transport, settings: settings) { _ in
            try await fixture.eventually { try await $0.finished().count == 20 }
            #expect(running.withLock { $0.now } == 4)
            release.fire()
            try await fixture.eventually { try await $0.finished().count == 40 }
        }
        #expect(running.withLock { $0.most } == 4)
        #expect(transport.requests.count == 40)
    }

    @Test("a receiver that asks to slow down is left alone, without using up other deliveries' attempts")
    func pause() async throws {
        let fixture = try await Fixture()
        let action = try await fixture.addAction(.rest, Self.hook)
        try await fixture.addDeliveries(action)
        let transport = ScriptedTransport { _, _ in OutboundResponse(status: 429, headers: ["Retry-After": "100"]) }
        try await fixture.running(transport) { service in
            try await fixture.eventually { try await $0.attempts().count == 1 }
            try await fixture.addDeliveries(action, count: 5, from: 10)
            service.wake()
            try await fixture.eventually { try await $0.due().allSatisfy { $0.dueIn > 50 } }
        }
        #expect(transport.requests.count == 1)
        #expect(try await fixture.due().map(\.attempt) == [1, 0, 0, 0, 0, 0])
    }

    @Test("a chat gets its messages at its rate, and no attempt is used up by waiting")
    func telegramPace() async throws {
        let fixture = try await Fixture()
        let action = try await fixture.addAction(.telegram, #"{"chat_id":5,"message_template":"{{agent_id}}"}"#)
        try await fixture.addDeliveries(action, count: 5)
        let transport = ScriptedTransport { _, _ in TelegramSenderTests.success }
        try await fixture.running(transport) { _ in
            try await fixture.eventually { try await $0.finished().count >= 3 }
            #expect(transport.requests.count == 3, "the burst")
            try await fixture.eventually { try await $0.finished().count == 5 }
        }
        #expect(try await fixture.finished().allSatisfy { $0.attempt == 1 })
        #expect(transport.requests.count == 5)
    }

    @Test("a group's new id is stored with its destination and its actions")
    func migration() async throws {
        let fixture = try await Fixture()
        let action = try await fixture.addAction(.telegram, #"{"chat_id":-5,"message_template":"{{agent_id}}"}"#)
        try await fixture.addDeliveries(action)
        let transport = ScriptedTransport { request, _ in
            request.json?["chat_id"] == .string("-5")
                ? TelegramSenderTests.refusal("upgraded", parameters: #"{"migrate_to_chat_id":-1005}"#)
                : TelegramSenderTests.success
        }
        try await fixture.running(transport) { _ in
            try await fixture.eventually { try await $0.finished().count == 1 }
        }
        struct Targets: Statement {
            static let sql = """
                SELECT destinations.target, config ->> 'chat_id' FROM destinations, action_versions
                """
            func decode(_ row: borrowing RowReader) throws(StorageError) -> [String] {
                [try row.text(0), try row.text(1)]
            }
        }
        #expect(try await fixture.database.query(Targets()) == [["-1005", "-1005"]])
    }

    @Test("no secret reaches a row or a log, whatever receivers echo")
    func secrecy() async throws {
        let fixture = try await Fixture()
        let bot = "987654:planted-telegram-" + String(repeating: "B", count: 20)
        let secret = "whsec_" + Data("planted-webhook-secret-0123456789".utf8).base64EncodedString()
        for (channel, config) in [
            (
                .rest,
                #"{"url":"https://hooks.example/x","secret":"\#(secret)","headers":{"Authorization":"planted-header-value"}}"#
            ),
            (.telegram, #"{"chat_id":5,"bot_token":"\#(bot)"}"#),
            (
                .mcp,
                #"{"server_url":"https://agent.example/mcp","tool_name":"t","auth_token":"planted-mcp-token-value"}"#
            ),
        ] as [(Channel, String)] {
            try await fixture.addDeliveries(try await fixture.addAction(channel, config))
        }
        let log = CapturedLog()
        let transport = ScriptedTransport { request, _ in
            let own = request.url.contains("hooks") ? secret : ""
            let echo = request.headers.map { "\($0.name): \($0.value)" }.joined(separator: " ") + request.url + own
            return OutboundResponse(
                status: 500, headers: ["Server": echo, "X-Request-Id": echo], body: Array(echo.utf8))
        }
        try await fixture.running(transport, logger: log.logger) { _ in
            try await fixture.eventually { try await $0.attempts().count == 3 }
        }
        struct Everything: Statement {
            static let sql = """
                SELECT array_agg(row_to_json(attempts)::text || convert_from(response_body, 'UTF8')) FROM attempts
                """
            func decode(_ row: borrowing RowReader) throws(StorageError) -> [String] { try row.texts(0) }
        }
        let rows = try #require(try await fixture.database.first(Everything()))
        #expect(rows.count == 3 && rows.allSatisfy { $0.contains("[redacted]") })
        for text in rows + log.lines {
            #expect(!text.contains("planted") && !text.contains(secret.dropFirst(6)), "\(text.prefix(200))")
        }
        #expect(!log.lines.isEmpty)
    }

    @Test("shutdown waits for what runs and gives back what waits")
    func drain() async throws {
        let fixture = try await Fixture()
        let action = try await fixture.addAction(.rest, Self.hook)
        try await fixture.addDeliveries(action, count: 6)
        let release = Signal()
        let transport = ScriptedTransport { _, _ in
            try? await release.wait()
            return OutboundResponse(status: 200)
        }
        let settings = fixture.settings { $0.perDestination = 2 }
        let service = fixture.dispatcher(transport, settings: settings)
        let group = ServiceGroup(services: [service], logger: .silent)
        try await within(.seconds(30)) {
            try await withThrowingTaskGroup { tasks in
                tasks.addTask { try await group.run() }
                try await transport.sent.wait(times: 2)
                await group.triggerGracefulShutdown()
                try await fixture.eventually { try await $0.due().filter { $0.state == 0 }.count == 4 }
                #expect(try await fixture.due().filter { $0.state == 0 }.allSatisfy { $0.attempt == 0 })
                release.fire()
                try await tasks.waitForAll()
            }
        }
        #expect(try await fixture.finished().count == 2)
        #expect(try await fixture.due().map(\.state) == [0, 0, 0, 0])
        #expect(transport.requests.count == 2, "nothing is begun after the request to stop")
    }

    @Test("attempts that shutdown breaks off go back with their count unchanged")
    func interrupted() async throws {
        let fixture = try await Fixture()
        try await fixture.addDeliveries(try await fixture.addAction(.rest, Self.hook), count: 2)
        let never = Signal()
        let transport = ScriptedTransport { _, _ throws(TransportError) in
            do { try await never.wait() } catch { throw .cancelled }
            return OutboundResponse(status: 200)
        }
        let settings = fixture.settings { $0.drain = .milliseconds(50) }
        try await fixture.running(transport, settings: settings) { _ in try await transport.sent.wait(times: 2) }
        let due = try await fixture.due()
        #expect(due.map(\.state) == [0, 0] && due.map(\.attempt) == [0, 0] && due.allSatisfy { $0.dueIn <= 0 })
        #expect(try await fixture.attempts().map(\.errorClass) == ["shutdown", "shutdown"])
    }

    @Test("a process that dies between sending and recording leads to a repetition under the same id, never to a loss")
    func death() async throws {
        let fixture = try await Fixture()
        try await fixture.addDeliveries(try await fixture.addAction(.rest, Self.hook))
        let transport = ScriptedTransport { _, _ in OutboundResponse(status: 200) }
        let settings = fixture.settings { $0.lease = .milliseconds(300) }

        // The first process claims and sends; its outcome is never written.
        let claims = try await fixture.database.query(SweepDeliveries(limit: 1, lease: settings.lease))
        let catalogue = Catalogue(
            database: fixture.database, secrets: fixture.box, chains: [Sample.chain], logger: .silent)
        let message = try #require(try await catalogue.messages(for: claims).first).get()
        _ = await RESTSender(transport: transport).send(message)

        try await fixture.running(transport, settings: settings) { _ in
            try await fixture.eventually { try await $0.attempts().map(\.errorClass) == ["lost_worker"] }
            try await fixture.test.run("UPDATE deliveries SET run_at = now()")
            try await fixture.eventually { try await $0.finished().count == 1 }
        }
        let requests = transport.requests
        #expect(requests.count == 2)
        #expect(requests[0].headers["webhook-id"] == requests[1].headers["webhook-id"])
        #expect(requests[0].body == requests[1].body)
        #expect(try await fixture.attempts().map(\.number) == [1, 2])
    }

    @Test("processes that break off at random moments lose nothing, and repeat only under the same id")
    func randomDeaths() async throws {
        let fixture = try await Fixture()
        let action = try await fixture.addAction(.rest, Self.hook)
        try await fixture.addDeliveries(action, count: 400)
        let accepted = Mutex<[String: Set<[UInt8]>]>([:])
        let transport = ScriptedTransport { request, number in
            accepted.withLock { _ = $0[request.headers["webhook-id"] ?? "", default: []].insert(request.body) }
            return OutboundResponse(status: number.isMultiple(of: 7) ? 503 : 200)
        }
        let settings = fixture.settings { settings in
            settings.lease = .milliseconds(400)
            settings.batch = 40
            settings.capacity = 20
        }
        var random = SeededGenerator.announced()
        for _ in 0..<12 {
            let requests = transport.requests.count + Int.random(in: 1...40, using: &random)
            try await within(.seconds(60)) {
                // Cancelling the service stops it as a crash does: nothing more is recorded or given back.
                await withTaskGroup(of: Void.self) { group in
                    group.addTask { try? await fixture.dispatcher(transport, settings: settings).run() }
                    group.addTask { try? await transport.sent.wait(times: requests) }
                    group.addTask { try? await fixture.eventually { try await $0.due().isEmpty } }
                    await group.next()
                    group.cancelAll()
                }
            }
            try await fixture.test.run("UPDATE deliveries SET run_at = now() WHERE state = 0")
        }
        try await fixture.running(transport, settings: settings) { service in
            try await fixture.eventually { fixture in
                try await fixture.test.run("UPDATE deliveries SET run_at = now() WHERE state = 0 AND run_at > now()")
                service.wake()
                return try await fixture.finished().count == 400
            }
        }
        #expect(try await fixture.due().isEmpty)
        #expect(try await fixture.finished().allSatisfy { $0.outcome == "delivered" })
        let ids = accepted.withLock { $0 }
        #expect(ids.count == 400 && ids.values.allSatisfy { $0.count == 1 }, "one body for each id")
        #expect(try await fixture.attempts().contains { $0.errorClass == "lost_worker" }, "some did die in between")
    }

    @Test("a long attempt keeps its lease")
    func heartbeat() async throws {
        let fixture = try await Fixture()
        try await fixture.addDeliveries(try await fixture.addAction(.rest, Self.hook))
        let release = Signal()
        let transport = ScriptedTransport { _, _ in
            try? await release.wait()
            return OutboundResponse(status: 200)
        }
        let settings = fixture.settings { settings in
            settings.lease = .milliseconds(600)
            settings.leaseInterval = .milliseconds(100)
        }
        try await fixture.running(transport, settings: settings) { _ in
            try await transport.sent.wait()
            let begin = ContinuousClock.now
            try await fixture.eventually { _ in .now - begin > .milliseconds(1500) }
            #expect(try await fixture.attempts().isEmpty)
            release.fire()
            try await fixture.eventually { try await $0.finished().count == 1 }
        }
        #expect(transport.requests.count == 1)
    }

    @Test("two processes share the work and send nothing twice")
    func twoProcesses() async throws {
        let fixture = try await Fixture()
        try await fixture.addDeliveries(try await fixture.addAction(.rest, Self.hook), count: 500)
        let transport = ScriptedTransport { _, _ in OutboundResponse(status: 200) }
        let settings = fixture.settings { settings in
            settings.perDestination = 16
            settings.batch = 50
        }
        try await fixture.running(transport, settings: settings) { _ in
            try await fixture.running(transport, settings: settings) { _ in
                try await fixture.eventually { try await $0.finished().count == 500 }
            }
        }
        #expect(transport.requests.count == 500)
        #expect(Set(transport.requests.map { $0.headers["webhook-id"] }).count == 500)
        #expect(try await fixture.attempts().count == 500)
    }

    @Test("the database may go away and come back")
    func databaseFault() async throws {
        let fixture = try await Fixture()
        let action = try await fixture.addAction(.rest, Self.hook)
        try await fixture.addDeliveries(action, count: 50)
        let transport = ScriptedTransport { _, _ in OutboundResponse(status: 200) }
        var configuration = fixture.test.configuration
        configuration.applicationName = "dispatcher"
        let own = Database(configuration: configuration, logger: .silent)
        try await fixture.running(transport, database: own) { service in
            for round in 1...5 as ClosedRange<UInt64> {
                try await fixture.addDeliveries(action, count: 20, from: 100 * round)
                service.wake()
                try await fixture.test.run(
                    """
                    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                    WHERE datname = current_database() AND application_name = 'dispatcher'
                    """)
            }
            // Rows whose claim was cut off by the fault come back with their lease.
            try await fixture.eventually { fixture in
                try? await fixture.test.run(
                    "UPDATE deliveries SET lease_until = now() - interval '1 s' WHERE state = 1 AND lease_until < now() + interval '59 s'"
                )
                try? await fixture.test.run("UPDATE deliveries SET run_at = now() WHERE state = 0 AND run_at > now()")
                return (try? await fixture.finished().count) == 150
            }
        }
        await own.close()
        #expect(Set(transport.requests.map { $0.headers["webhook-id"] }).count == 150)
    }
}
