/// The ways in which nodes, chains, databases and processes of a simulated world misbehave.
enum Fault: Int, CaseIterable, Sendable {
    // What a node does; each is detectable by whoever checks the one answer.
    case emptyFromBehind, nullLatest, headBackwards, staleBranch, wrongChain
    case invertedHint, identicalHint, wrongHint, blockOverCap, prunedError, prunedEmpty
    case removedFlag, duplicateLogIndex, logsOfAnotherBlock, foreignBlock, headWithoutTime, logsWithoutTime
    case partialBatch, missingReply, reusedID, shuffledBatch, refusedBatch
    case slow, silent, page, tooManyInside, tooMany, unavailable, truncated, reset, unknownError, lacksTags
    case lacksReceipts
    // Lies, which only a second node or the block's receipts tell apart.
    case droppedLogs, emptyLogs, emptyReceipts, droppedReceipt, prunedPartial, inventedLog, changedLog
    case disagreeingIndex, nodeZeroBloom, nodeForeignBloom, inventedHead
    // What chains do.
    case fork, forkBack, movedTransaction, zeroBloom, foreignBloom, equalTimes, anonymousLog, foreignLayout, shortLog
    case denseBlock, burst
    // What happens to the process and its database.
    case crash, crashBeforeCommit, crashAfterCommit, unknownCommit, databaseDown, clockLeap, databaseClockLeap, pause
    case takeover

    /// Whether one answer alone does not give the fault away.
    var isLie: Bool { (Fault.droppedLogs.rawValue...Fault.inventedHead.rawValue).contains(rawValue) }
    /// Whether a node does it.
    var isOfNodes: Bool { rawValue <= Fault.inventedHead.rawValue }
    /// Whether it shows only where old blocks are asked for.
    var isOfHistory: Bool { [.prunedError, .prunedEmpty, .prunedPartial].contains(self) }
    var name: String { "\(self)" }
}

/// How often each fault took effect.
struct FaultCounts: Sendable {
    private var counts = [Int](repeating: 0, count: Fault.allCases.count)

    subscript(fault: Fault) -> Int {
        get { counts[fault.rawValue] }
        set { counts[fault.rawValue] = newValue }
    }

    mutating func add(_ other: FaultCounts) {
        for fault in Fault.allCases { self[fault] += other[fault] }
    }

    var description: String {
        Fault.allCases.filter { self[$0] > 0 }.map { "\($0) \(self[$0])" }.joined(separator: ", ")
    }
}
