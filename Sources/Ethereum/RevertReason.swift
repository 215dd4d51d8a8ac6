/// What a contract said when it reverted a call.
public enum RevertReason: Hashable, Sendable {
    /// `require(…, message)` or `revert(message)`.
    case message(String)
    /// A failed assertion of the compiler, such as 0x11 for an overflow.
    case panic(UInt256)
    /// An error that the registries or their libraries declare, with its arguments.
    case custom(signature: String, arguments: [ABIValue])
    /// No data: `require` without a message, or the call ran out of gas.
    case empty
    /// An error that is not known here.
    case unknown(selector: UInt32)
    /// A known error whose arguments cannot be decoded, or fewer than four bytes; a revert all the same.
    case malformed

    /// What `data`, the result of a reverted call, says.
    public static func decode(_ data: [UInt8]) -> RevertReason {
        guard !data.isEmpty else { return .empty }
        guard data.count >= 4 else { return .malformed }
        let selector = data.prefix(4).reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        guard let error = known[selector] else { return .unknown(selector: selector) }
        guard let values = try? ABI.decode(error.types, from: data.span.extracting(4...)) else { return .malformed }
        switch (error.signature, values.first) {
        case ("Error(string)", .string(let message)): return .message(message)
        case ("Panic(uint256)", .uint(let code)): return .panic(code)
        default: return .custom(signature: error.signature, arguments: values)
        }
    }

    /// The errors that are told apart, by selector.
    private static let known: [UInt32: ABIFunction] = {
        let signatures = [
            "Error(string)", "Panic(uint256)",
            "ERC721NonexistentToken(uint256)", "ERC721InvalidOwner(address)",
            "ERC721IncorrectOwner(address,uint256,address)", "ERC721InsufficientApproval(address,uint256)",
            "ERC721InvalidReceiver(address)", "ERC721InvalidSender(address)", "ERC721InvalidApprover(address)",
            "ERC721InvalidOperator(address)", "OwnableUnauthorizedAccount(address)", "OwnableInvalidOwner(address)",
            "UUPSUnauthorizedCallContext()", "UUPSUnsupportedProxiableUUID(bytes32)",
            "ERC1967InvalidImplementation(address)", "ERC1967NonPayable()", "InvalidInitialization()",
            "NotInitializing()", "AddressEmptyCode(address)", "FailedCall()", "ECDSAInvalidSignature()",
            "ECDSAInvalidSignatureLength(uint256)", "ECDSAInvalidSignatureS(bytes32)",
        ]
        var errors: [UInt32: ABIFunction] = [:]
        for signature in signatures {
            guard let error = try? ABIFunction(signature) else {
                preconditionFailure("the signatures of the known errors are canonical")
            }
            errors[error.selector] = error
        }
        return errors
    }()
}

extension RevertReason: CustomStringConvertible {
    /// One line for people: the message, or the error's name with its arguments.
    public var description: String {
        switch self {
        case .message(let message): return message
        case .panic(let code): return "Panic(\(code.hexQuantity))"
        case .custom(let signature, let arguments):
            let name = signature.prefix { $0 != "(" }
            return "\(name)(\(arguments.map(\.description).joined(separator: ", ")))"
        case .empty: return "reverted without a reason"
        case .unknown(let selector):
            let digits = String(selector, radix: 16)
            return "reverted with unknown error 0x\(String(repeating: "0", count: 8 - digits.count))\(digits)"
        case .malformed: return "reverted with undecodable data"
        }
    }
}
