import Domain
import Foundation

/// What a node says over a socket on which new heads were subscribed to.
enum HeadMessage: Equatable {
    /// The answer to `eth_chainId`; nil where it is no quantity or an error.
    case chain(UInt64?)
    /// The answer to `eth_subscribe`: whether heads will be announced.
    case subscribed(Bool)
    /// A block was announced; of all that is said about it only its number is taken, as a hint.
    case head(BlockNumber)
    /// Anything else.
    case other

    /// The ids of the two calls that the socket is greeted with.
    private static let (chainCall, subscribeCall) = (1, 2)

    /// What a socket is greeted with, a message each.
    static let greeting = [
        #"{"jsonrpc":"2.0","id":\#(chainCall),"method":"eth_chainId","params":[]}"#,
        #"{"jsonrpc":"2.0","id":\#(subscribeCall),"method":"eth_subscribe","params":["newHeads"]}"#,
    ]

    /// Reads one message; nil where it is not JSON.
    init?(_ bytes: [UInt8]) {
        guard let json = try? JSON(parsing: bytes) else { return nil }
        if json["method"]?.string == "eth_subscription" {
            let number = json["params"]?["result"]?["number"]?.string.flatMap(Self.quantity)
            guard let number, let height = Int64(exactly: number).flatMap(BlockNumber.init(rawValue:)) else {
                self = .other
                return
            }
            self = .head(height)
        } else if json["id"] == .number(Decimal(Self.chainCall)) {
            self = .chain(json["result"]?.string.flatMap(Self.quantity))
        } else if json["id"] == .number(Decimal(Self.subscribeCall)) {
            self = .subscribed(json["result"]?.string != nil)
        } else {
            self = .other
        }
    }

    private static func quantity(_ text: String) -> UInt64? {
        guard text.hasPrefix("0x"), text.utf8.count <= 18, text.utf8.dropFirst(2).first != UInt8(ascii: "+") else {
            return nil
        }
        return UInt64(text.dropFirst(2), radix: 16)
    }
}
