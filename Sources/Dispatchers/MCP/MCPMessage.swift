import Domain
import Foundation

/// The messages of the Model Context Protocol that a caller of tools needs.
///
/// - SeeAlso: MCP 2025-11-25, "Lifecycle", "Transports" and "Tools"; JSON-RPC 2.0.
enum MCPMessage {
    /// The newest revision of the generation that begins with `initialize`.
    static let protocolVersion = "2025-11-25"
    /// The revisions that may be negotiated.
    static let knownVersions: Set<String> = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"]

    static func initialize(id: Int64, version: String) -> JSON {
        request(
            id: id, method: "initialize",
            [
                "protocolVersion": .string(protocolVersion), "capabilities": .object([:]),
                "clientInfo": .object(["name": .string("tocsin"), "version": .string(version)]),
            ])
    }

    static let initialized = JSON.object([
        "jsonrpc": .string("2.0"), "method": .string("notifications/initialized"),
    ])

    static func call(id: Int64, tool: String, arguments: JSON, meta: [String: JSON]) -> JSON {
        request(
            id: id, method: "tools/call",
            ["name": .string(tool), "arguments": arguments, "_meta": .object(meta)])
    }

    /// The answer to a request that the server makes of us: a pong, or that there is no such method here.
    static func answer(to id: JSON, method: String) -> JSON {
        var members: [String: JSON] = ["jsonrpc": .string("2.0"), "id": id]
        if method == "ping" {
            members["result"] = .object([:])
        } else {
            members["error"] = .object(["code": .number(-32601), "message": .string("Method not found")])
        }
        return .object(members)
    }

    private static func request(id: Int64, method: String, _ parameters: [String: JSON]) -> JSON {
        .object([
            "jsonrpc": .string("2.0"), "id": .string("tocsin-\(id)"), "method": .string(method),
            "params": .object(parameters),
        ])
    }

    /// What one message from a server is, seen by the caller of request `id`.
    enum Incoming: Equatable {
        case result(JSON)
        case error(code: Int64, message: String)
        /// The server asks something of us.
        case request(id: JSON, method: String)
        /// A notification, or an answer to somebody else.
        case other
    }

    static func read(_ bytes: [UInt8], expecting id: Int64) -> Incoming? {
        guard let json = try? JSON(parsing: bytes), case .object(let members) = json else { return nil }
        if let method = members["method"]?.string {
            guard let id = members["id"], id != .null else { return .other }
            return .request(id: id, method: method)
        }
        guard members["id"] == .string("tocsin-\(id)") else { return .other }
        return answer(members)
    }

    /// The error in a body whose id does not matter, as servers answer what they could not even read.
    static func error(in bytes: [UInt8]) -> (code: Int64, message: String)? {
        guard let json = try? JSON(parsing: bytes), case .object(let members) = json,
            case .error(let code, let message)? = answer(members)
        else { return nil }
        return (code, message)
    }

    private static func answer(_ members: [String: JSON]) -> Incoming? {
        if let error = members["error"] {
            return .error(code: error["code"]?.whole ?? 0, message: error["message"]?.string ?? "")
        }
        return members["result"].map { .result($0) }
    }
}
