import Domain

/// Decides, feed row by feed row, what to store.
///
/// It does no I/O. Rows are taken in order and cut into pieces that are stored one transaction each: events with the deliveries that
/// they cause, retractions, or one finality mark. A piece of events ends at ``deliveryMax``.
struct FeedPlanner {
    enum Piece: Sendable {
        /// Store the deliveries and move the cursor.
        case events([PlannedDelivery], Cursor)
        /// Take back what was said about the events and move the cursor.
        case retractions([EventID], Cursor)
        /// Evaluate the events up to a height that are now safe, or finalized, then move the cursor.
        case mark(Finality, through: Int64, Cursor)
    }

    /// A piece holds the deliveries of one event more than this at most.
    static let deliveryMax = 10_000
    /// How many retractions one piece holds at most.
    static let retractionMax = 500
    /// A row that was recorded this many seconds before a trigger was enabled is not for it.
    ///
    /// Not zero: the time of a row is that of its transaction's beginning, which can lie before an enabling that was
    /// acknowledged before the row was committed. No listener's transaction takes as long as this.
    static let margin: Int64 = 60

    private(set) var cursor: Cursor
    private var rows: ArraySlice<(sequence: Int64, content: FeedRow)>
    private(set) var tally = Tally()

    init(cursor: Cursor, rows: [(sequence: Int64, content: FeedRow)]) {
        self.cursor = cursor
        self.rows = rows[...]
    }

    /// What to store next; nil when all rows are done.
    mutating func next(_ index: borrowing TriggerIndex) -> Piece? {
        guard let first = rows.first else { return nil }
        switch first.content {
        case .event: return events(index)
        case .retraction: return retractions()
        case .safe(let height):
            advance()
            return .mark(.safe, through: height.rawValue, cursor)
        case .finalized(let height):
            advance()
            return .mark(.finalized, through: height.rawValue, cursor)
        }
    }

    /// Goes on from `cursor`, whose marks moved.
    mutating func adopt(_ cursor: Cursor) { self.cursor = cursor }

    /// The deliveries that `event` causes for triggers of `finality`.
    static func deliveries(
        for id: EventID, _ event: Event?, finality: Finality, recordedAt: Int64?, index: borrowing TriggerIndex,
        tally: inout Tally, into deliveries: inout [PlannedDelivery]
    ) {
        guard let event else {
            tally.undecodable += 1
            return
        }
        var found = Tally()
        var planned: [PlannedDelivery] = []
        index.forEachMatch(event, finality: finality) { match in
            if let recordedAt, recordedAt < match.enabledAt - margin { return }
            guard match.mode == .live else {
                found.shadow += 1
                return
            }
            found.matches += 1
            for action in match.actions {
                planned.append(
                    PlannedDelivery(
                        eventID: id, triggerID: match.triggerID, organizationID: match.organizationID,
                        action: action))
            }
        }
        tally.matches += found.matches
        tally.shadow += found.shadow
        deliveries += planned
    }

    private mutating func advance() {
        guard let row = rows.popFirst() else { return }
        cursor.sequence = row.sequence
    }

    private mutating func events(_ index: borrowing TriggerIndex) -> Piece {
        var deliveries: [PlannedDelivery] = []
        while case .event(let id, let event, let height, let recordedAt)? = rows.first?.content,
            deliveries.count < Self.deliveryMax
        {
            Self.deliveries(
                for: id, event, finality: .latest, recordedAt: recordedAt, index: index, tally: &tally,
                into: &deliveries)
            lowerMarks(below: height)
            advance()
        }
        return .events(deliveries, cursor)
    }

    private mutating func retractions() -> Piece {
        var events: [EventID] = []
        while case .retraction(let event, let height)? = rows.first?.content, events.count < Self.retractionMax {
            events.append(event)
            lowerMarks(below: height)
            advance()
        }
        return .retractions(events, cursor)
    }

    /// Says that the heights from `height` on are not evaluated for `safe` and `finalized`, whatever was before.
    ///
    /// Nothing changes where the marks lie lower anyway, as they do unless a reorganisation reached below them.
    private mutating func lowerMarks(below height: BlockNumber) {
        cursor.safe = min(cursor.safe, height.rawValue - 1)
        cursor.finalized = min(cursor.finalized, height.rawValue - 1)
    }
}
