public import Domain
import Ethereum

/// One event as one action tells of it: everything that a message can name.
public struct Notice: Sendable {
    /// The event's row.
    public let eventID: EventID
    /// What happened.
    public let event: Event
    /// Whether it happened, or no longer holds.
    public let kind: DeliveryKind
    /// The delivery's row; 0 for a preview.
    public let deliveryID: Int64
    /// The trigger's UUID in lower case.
    public let triggerID: String
    /// The trigger's name when the action was saved.
    public let triggerName: String
    /// The chain's name in `chains.json`; nil for a chain that is no longer there.
    public let chainName: String?
    /// The chain's explorer without a trailing slash; nil where there is none.
    public let explorerURL: String?
    /// Whether somebody asked for this message to see how it looks.
    public let isTest: Bool

    /// The notice with all its facts.
    public init(
        eventID: EventID, event: Event, kind: DeliveryKind, deliveryID: Int64, triggerID: String, triggerName: String,
        chainName: String?, explorerURL: String?, isTest: Bool = false
    ) {
        self.eventID = eventID
        self.event = event
        self.kind = kind
        self.deliveryID = deliveryID
        self.triggerID = triggerID
        self.triggerName = triggerName
        self.chainName = chainName
        self.explorerURL = explorerURL
        self.isTest = isTest
    }

    /// The event's transaction in the chain's explorer; nil where there is none.
    public var transactionURL: String? {
        explorerURL.map { "\($0)/tx/\(event.log.transactionHash)" }
    }
}

extension Notice {
    /// No value that a template reads is longer, in UTF-8 bytes of text or in bytes: a log may hold megabytes.
    static let valueMaximum = 65536

    /// The value of the variable `name`.
    func content(of name: String) -> TemplateValue.Content {
        if let field = Field(rawValue: name) { return content(of: field) }
        switch name {
        case "event_id": return .field(.number(Number(eventID.rawValue)))
        case "delivery_id": return .field(.number(Number(deliveryID)))
        case "trigger_id": return text(triggerID)
        case "trigger_name": return text(triggerName)
        case "chain_name": return text(chainName)
        case "explorer_url": return text(explorerURL)
        case "transaction_url": return text(transactionURL)
        case "kind": return text(kind == .retraction ? "retraction" : "notification")
        case "is_retraction": return .field(.boolean(kind == .retraction))
        case "is_test": return .field(.boolean(isTest))
        default: return .absent
        }
    }

    private func content(of field: Field) -> TemplateValue.Content {
        switch event.value(of: field) {
        case .none: .absent
        case .text(let value) where value.string.utf8.count > Self.valueMaximum:
            text(String(value.string.unicodeScalarPrefix(bytes: Self.valueMaximum)))
        case .bytes(let value) where value.count > Self.valueMaximum:
            .field(.bytes(Array(value.prefix(Self.valueMaximum))))
        case .some(let value): .field(value)
        }
    }

    private func text(_ text: String?) -> TemplateValue.Content {
        text.map { .field(.text(Text($0))) } ?? .absent
    }
}
