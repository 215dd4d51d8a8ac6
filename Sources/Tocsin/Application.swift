import API
import ChainListener
import Dispatchers
import Domain
import EthereumRPC
import Foundation
import HTTPClient
import Logging
import ServiceLifecycle
import Signatures
import Storage
import TriggerEngine

/// The parts of one process, made from its settings and wired together.
struct Application {
    let services: ServiceGroupConfiguration

    /// Makes what the roles need; nothing runs yet.
    ///
    /// Services start together and stop in reverse, so whoever makes work stops before whoever does it.
    init(
        settings: Settings, chains: [Chain], store: Store, metrics: PrometheusMetrics, logger: Logger
    ) throws {
        let egress = EgressPolicy(
            allowing: settings.egressAllow, denying: EgressPolicy.ownAddresses(), allowsPlainHTTP: true)
        // Nodes are named by the operator and may be anywhere; what users name goes through the guard.
        let transport = CurlTransport(policy: egress)
        let secrets = try SecretBox(keys: settings.secretKeys)
        let pools = Dictionary(
            uniqueKeysWithValues: chains.filter(\.isEnabled).map { chain in
                (chain.id, ProviderPool(chainID: chain.id, urls: chain.rpcURLs, transport: transport, logger: logger))
            })

        var services: [any Service] = [TransportService(transport: transport)]
        if let cluster = store.cluster { services.append(ClusterService(cluster: cluster)) }
        var checks: [ReadinessCheck] = []
        if settings.roles.contains(.dispatcher) {
            var dispatch = DispatcherSettings(chains: chains, telegramToken: settings.telegramToken)
            dispatch.telegramAPIURL = settings.telegramURL
            dispatch.version = tocsinVersion
            services.append(
                DispatcherService(
                    database: store.working, transport: transport, secrets: secrets, settings: dispatch, logger: logger)
            )
        }
        if settings.roles.contains(.engine) {
            let engine = Engine(database: store.working, logger: logger)
            services.append(engine)
            checks.append(ReadinessCheck(name: "engine") { engine.isReady ? nil : "loading the triggers" })
        }
        if settings.roles.contains(.listener) {
            let sockets = NIOSocketTransport()
            let listener = ListenerService(chains: chains, database: store.working, logger: logger) { chain in
                PooledChainSource(
                    pools[chain.id]
                        ?? ProviderPool(chainID: chain.id, urls: chain.rpcURLs, transport: transport, logger: logger),
                    sockets: HeadSockets(
                        chainID: chain.id, urls: chain.socketURLs, transport: sockets, logger: logger))
            }
            services.append(listener)
            checks.append(ReadinessCheck(name: "listener") { Self.problem(of: listener.status()) })
        }
        if settings.roles.contains(.api) {
            var api = APISettings(
                host: settings.host, port: settings.port, jwtSecret: settings.jwtSecret, version: tocsinVersion,
                hasTelegramToken: settings.telegramToken != nil, egress: egress, secrets: secrets, chains: chains)
            api.baseURL = settings.baseURL
            api.contactEmail = settings.contactEmail
            api.contactGitHub = settings.contactGitHub
            api.documentationURL = settings.documentationURL
            api.allowedOrigins = settings.allowedOrigins
            api.trustedProxies = settings.trustedProxies
            services.append(
                APIService(
                    settings: api, database: store.serving, ownership: ChainOwnership(pools: pools), readiness: checks,
                    metrics: { metrics.text() }, logger: logger))
        }
        self.services = ServiceGroupConfiguration(services: services, logger: logger)
    }

    private static func problem(of statuses: [ListenerStatus]) -> String? {
        let texts = statuses.compactMap { status -> String? in
            switch status.state {
            case .starting: "chain \(status.chainID): starting"
            default: status.state.complaint.map { "chain \(status.chainID): \($0)" }
            }
        }
        return texts.isEmpty ? nil : texts.joined(separator: "; ")
    }
}

/// Ends the process when its private PostgreSQL does: without it no role can work, and a restart recovers.
private struct ClusterService: Service {
    let cluster: EmbeddedPostgres

    func run() async throws {
        let (ended, end) = AsyncStream<Int32>.makeStream()
        // Not a child of this task: waiting for a process cannot be cancelled, and it ends with `EmbeddedPostgres.stop()`.
        Task {
            end.yield(await cluster.waitUntilExit())
            end.finish()
        }
        for await status in ended.cancelOnGracefulShutdown() {
            throw StorageError.unavailable(reason: "the embedded PostgreSQL ended with status \(status)")
        }
    }
}

/// Stops the outbound connections after everybody who uses them.
private struct TransportService: Service {
    let transport: CurlTransport

    func run() async throws {
        try? await gracefulShutdown()
        await transport.shutdown()
    }
}
