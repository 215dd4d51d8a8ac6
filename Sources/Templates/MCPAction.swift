public import Domain
import Ethereum

/// What an MCP action calls.
public struct MCPAction: Sendable {
    /// The longest name of a tool in bytes.
    public static let toolNameMaximum = 256
    /// The longest token in bytes.
    public static let tokenMaximum = 4096

    /// The server's endpoint, `http` or `https`.
    public let serverURL: String
    /// The tool that is called.
    public let toolName: String
    /// The arguments; nil for the default ones.
    public let arguments: JSONTemplate?
    /// The limit on the call, 1...120,000 ms.
    public let timeout: Duration
    /// What `Authorization: Bearer` carries; nil for no authorization.
    public let authToken: String?

    init?(_ reader: inout ConfigReader) {
        let serverURL = reader.httpURL("server_url", maximum: RESTAction.urlMaximum)
        let toolName = Self.toolName(&reader)
        arguments = Self.arguments(&reader)
        timeout = .milliseconds(reader.integer("timeout_ms", in: 1...120_000) ?? 30_000)
        authToken = reader.secret("auth_token")
        if let authToken,
            !(1...Self.tokenMaximum).contains(authToken.utf8.count)
                || !authToken.utf8.allSatisfy({ (0x21...0x7e).contains($0) })
        {
            reader.refuse("auth_token", "must be visible ASCII without spaces, at most \(Self.tokenMaximum) characters")
        }
        if reader.flag("resolve_from_agent", default: false) {
            reader.refuse("resolve_from_agent", "is not available yet; give server_url")
        }
        guard let serverURL, let toolName else { return nil }
        self.serverURL = serverURL
        self.toolName = toolName
    }

    private static func toolName(_ reader: inout ConfigReader) -> String? {
        guard let name = reader.text("tool_name") else {
            reader.refuse("tool_name", "is required")
            return nil
        }
        guard (1...toolNameMaximum).contains(name.utf8.count),
            name.utf8.allSatisfy({ $0.isASCIIAlphanumeric || "_-./:".utf8.contains($0) })
        else {
            reader.refuse("tool_name", "must be 1 to \(toolNameMaximum) letters, digits or one of _ - . / :")
            return nil
        }
        return name
    }

    private static func arguments(_ reader: inout ConfigReader) -> JSONTemplate? {
        guard let value = reader.member("arguments_template") else { return nil }
        guard case .object = value else {
            reader.refuse("arguments_template", "must be an object")
            return nil
        }
        do {
            return try JSONTemplate(value)
        } catch {
            reader.refuse("arguments_template.\(error.path)", error.error.description)
            return nil
        }
    }

    /// The arguments for `notice`.
    public func arguments(for notice: Notice) -> JSON {
        arguments.map { $0.render(notice) } ?? Self.defaultArguments(for: notice)
    }

    /// The arguments of an action without `arguments_template`.
    static func defaultArguments(for notice: Notice) -> JSON {
        let document = EventDocument(notice).json
        return .object([
            "event_id": .string(String(notice.eventID.rawValue)),
            "delivery_id": .string(String(notice.deliveryID)),
            "trigger_id": .string(notice.triggerID),
            "trigger_name": .string(notice.triggerName),
            "chain_id": .string(notice.event.chainID.description),
            "kind": .string(notice.kind == .retraction ? "retraction" : "notification"),
            "occurred_at": document["timestamp"] ?? .null,
            "summary": .string(notice.summary),
            "data": document["data"] ?? .null,
        ])
    }
}

extension Notice {
    /// One line for people and models.
    public var summary: String {
        var line = kind == .retraction ? "Retracted: " : ""
        line += event.type.rawValue
        if case .number(let agent)? = event.value(of: .agentID) { line += " of agent \(agent.description)" }
        line += " on \(chainName ?? "chain \(event.chainID)") in block \(event.log.blockNumber)"
        return line
    }
}
