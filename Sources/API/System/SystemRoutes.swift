import Domain
import Foundation
import Hummingbird
import Storage

/// What machines ask about the server itself: health, readiness, metrics, the agent card.
struct SystemRoutes: Sendable {
    let database: Database
    let settings: APISettings
    let readiness: [ReadinessCheck]
    let metrics: @Sendable () -> String
    let now: @Sendable () -> Date

    var endpoints: [Endpoint] {
        [
            .open(.get, "/health", health),
            .open(.get, "/api/v1/health", health),
            .open(.get, "/ready", ready),
            .open(.get, "/metrics", metricsText),
            .open(.get, "/.well-known/agent.json", agentCard),
        ]
    }

    private func health(_ call: Call) async throws -> Response {
        let isConnected = await databaseProblem() == nil
        return .json(isConnected ? .ok : .serviceUnavailable) { writer in
            writer.member("status", isConnected ? "healthy" : "unhealthy")
            writer.member("database", isConnected ? "connected" : "disconnected")
            writer.member("version", settings.version)
        }
    }

    private func ready(_ call: Call) async throws -> Response {
        var results = [(name: "database", problem: await databaseProblem())]
        for check in readiness { results.append((check.name, await check.problem())) }
        let isReady = results.allSatisfy { $0.problem == nil }
        return .json(isReady ? .ok : .serviceUnavailable) { writer in
            writer.member("status", isReady ? "ready" : "not_ready")
            writer.member(
                "checks",
                object: { writer in
                    for result in results {
                        writer.name(escaping: result.name)
                        writer.string(result.problem ?? "ok")
                    }
                })
        }
    }

    private func databaseProblem() async -> String? {
        do {
            return try await database.first(AskDatabase()) == 1 ? nil : "unexpected answer"
        } catch {
            return "does not answer"
        }
    }

    private func metricsText(_ call: Call) async throws -> Response {
        Response(
            status: .ok, headers: [.contentType: "text/plain; version=0.0.4; charset=utf-8"],
            body: .init(byteBuffer: ByteBuffer(string: metrics())))
    }

    private func agentCard(_ call: Call) async throws -> Response {
        let headers: HTTPFields = [.cacheControl: "public, max-age=3600", .accessControlAllowOrigin: "*"]
        return .json(headers: headers) { AgentCard(settings: settings, generatedAt: now()).write(to: &$0) }
    }
}

/// Asks the database for a one, to see whether it answers.
struct AskDatabase: Statement {
    static let sql = "SELECT 1"
    func decode(_ row: borrowing RowReader) throws(StorageError) -> Int64 { try row.integer(0) }
}
