import Domain
import Foundation

/// Document 003's card: what this server offers, for programs that discover it.
///
/// It tells what runs: the enabled chains, and only the ways to authenticate that exist.
struct AgentCard {
    let settings: APISettings
    let generatedAt: Date

    private static let tiers = [
        ("anonymous", "10 calls/hour", "none"), ("starter", "100 calls/hour", "api_key"),
        ("pro", "500 calls/hour", "api_key"), ("enterprise", "2000 calls/hour", "api_key"),
    ]

    func write(to writer: inout JSONWriter) {
        writer.member("name", "ERC-8004 Backend API")
        writer.member("version", settings.version)
        writer.member(
            "description",
            "Real-time backend infrastructure for monitoring and reacting to ERC-8004 on-chain agent economy events")
        writer.member("api_version", "v1")
        writer.member("base_url", settings.baseURL)
        writer.member("capabilities", object: writeCapabilities)
        writer.member("endpoints", object: writeEndpoints)
        writer.member(
            "contact",
            object: { writer in
                writer.member("email", settings.contactEmail)
                writer.member("github", settings.contactGitHub)
                writer.member("documentation", settings.documentationURL)
            })
        writer.member("protocol_version", "erc-8004-v1.0")
        writer.member("generated_at", Timestamp(generatedAt))
    }

    private func writeCapabilities(to writer: inout JSONWriter) {
        writer.member(
            "push_layer",
            object: { writer in
                writer.member("enabled", true)
                let features = [
                    "multi_chain_monitoring", "programmable_triggers", "telegram_notifications", "rest_webhooks",
                    "mcp_updates",
                ]
                writer.member("features", array: features) { $0.string($1) }
                writer.member("supported_chains", array: settings.chains.filter(\.isEnabled)) { writer, chain in
                    writer.object { write(chain, to: &$0) }
                }
            })
        writer.member(
            "pull_layer",
            object: { writer in
                writer.member("enabled", false)
                writer.member("features", array: [] as [String]) { $0.string($1) }
                writer.member("note", "Coming soon in Phase 5")
            })
        writer.member(
            "authentication",
            object: { writer in
                writer.member("methods", array: ["jwt"]) { $0.string($1) }
                writer.member("oauth2_supported", false)
            })
        writer.member(
            "rate_limiting",
            object: { writer in
                writer.member("enabled", false)
                writer.member("tiers", array: Self.tiers) { writer, tier in
                    writer.object {
                        $0.member("tier", tier.0)
                        $0.member("rate_limit", tier.1)
                        $0.member("authentication", tier.2)
                    }
                }
            })
    }

    private func write(_ chain: Chain, to writer: inout JSONWriter) {
        writer.member("chain_id", chain.id.rawValue)
        writer.member("name", chain.name)
        let registries = Registry.allCases.filter { !chain.addresses(of: $0).isEmpty }
        writer.member("registries", array: registries) { $0.string($1.rawValue) }
    }

    private func writeEndpoints(to writer: inout JSONWriter) {
        let base = settings.baseURL
        writer.member("api_documentation", base + "/docs")
        writer.member("health_check", base + "/api/v1/health")
        writer.member(
            "authentication",
            object: { writer in
                writer.member("register", base + "/api/v1/auth/register")
                writer.member("login", base + "/api/v1/auth/login")
            })
        writer.member("triggers", base + "/api/v1/triggers")
    }
}
