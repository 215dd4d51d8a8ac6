public import Foundation
import Hummingbird
import HummingbirdCore
public import Logging
public import ServiceLifecycle
public import Storage

/// The HTTP server: management, history, health, discovery.
///
/// On graceful shutdown it takes no more connections and finishes the requests that are under way.
public final class APIService: Service {
    /// An idle connection is closed after this long, in seconds.
    private static let idleSeconds: Int64 = 75
    /// The most connections at once; more wait in the kernel's queue.
    private static let maximumConnections = 20_000

    private let settings: APISettings
    private let database: Database
    private let ownership: any AgentOwnership
    private let readiness: [ReadinessCheck]
    private let metrics: @Sendable () -> String
    private let logger: Logger
    private let now: @Sendable () -> Date
    private let bound = Latch<Int>()

    /// A server that does not listen yet.
    ///
    /// - Parameter ownership: asks the chains who owns an agent.
    /// - Parameter readiness: what `/ready` reports besides the database.
    /// - Parameter metrics: the text that `/metrics` answers, in Prometheus' format.
    /// - Parameter now: the clock that tokens and challenges go by.
    public init(
        settings: APISettings, database: Database, ownership: any AgentOwnership, readiness: [ReadinessCheck] = [],
        metrics: @escaping @Sendable () -> String = { "" }, logger: Logger,
        now: @escaping @Sendable () -> Date = { Date() }
    ) {
        self.settings = settings
        self.database = database
        self.ownership = ownership
        self.readiness = readiness
        self.metrics = metrics
        self.logger = logger
        self.now = now
    }

    /// The port that is listened on, as soon as it is bound.
    ///
    /// - Throws: why it could not be bound.
    public var port: Int { get async throws { try await bound.value } }

    /// Serves until graceful shutdown.
    public func run() async throws {
        do {
            guard settings.jwtSecret.count >= APISettings.shortestSecret else { throw APIServiceError.shortSecret }
            try await application().run()
            bound.resolve(.failure(APIServiceError.stopped))
        } catch {
            bound.resolve(.failure(error))
            throw error
        }
    }

    private func application() async throws -> some ApplicationProtocol {
        let tokens = await Tokens(secret: settings.jwtSecret)
        let table = RouteTable(
            endpoints: endpoints(tokens: tokens, hasher: try PasswordHasher()),
            authenticator: Authenticator(tokens: tokens, database: database, now: now),
            allowedOrigins: settings.allowedOrigins,
            clientAddress: ClientAddress(trustedProxies: settings.trustedProxies))
        return Application(
            responder: table.responder(),
            server: .http1(configuration: .init(idleTimeout: .seconds(Self.idleSeconds))),
            configuration: .init(
                address: .hostname(settings.host, port: settings.port), serverName: "tocsin", backlog: 1024,
                availableConnectionsDelegate: MaximumAvailableConnections(Self.maximumConnections)),
            onServerRunning: { [bound] channel in
                if let port = channel.localAddress?.port { bound.resolve(.success(port)) }
            },
            logger: logger)
    }

    private func endpoints(tokens: Tokens, hasher: PasswordHasher) -> [Endpoint] {
        let editor = TriggerEditor(database: database)
        let checker = ActionChecker(
            egress: settings.egress, hasTelegramToken: settings.hasTelegramToken,
            vault: SecretVault(box: settings.secrets))
        let system = SystemRoutes(
            database: database, settings: settings, readiness: readiness, metrics: metrics, now: now)
        return system.endpoints
            + AccountRoutes(database: database, hasher: hasher, tokens: tokens, now: now).endpoints
            + OrganizationRoutes(database: database).endpoints
            + TriggerRoutes(database: database, editor: editor, checker: checker).endpoints
            + ConditionRoutes(editor: editor).endpoints
            + ActionRoutes(editor: editor, checker: checker).endpoints
            + AgentRoutes(database: database, ownership: ownership, chains: settings.chains, now: now).endpoints
            + EventRoutes(database: database, chains: settings.chains).endpoints
            + DeliveryRoutes(database: database).endpoints
            + ChainRoutes(database: database, chains: settings.chains).endpoints
    }
}

/// Why the server does not run.
public enum APIServiceError: Error, Equatable {
    /// The secret for tokens is shorter than 32 bytes.
    case shortSecret
    /// It was shut down before it was bound.
    case stopped
}
