import Domain
import TestSupport

@testable import ChainListener

/// What a simulated world is made of, before chance has its say.
struct WorldPlan: Sendable {
    var seed: UInt64
    var style = WorldChain.Style()
    var finality = FinalitySource.tags
    var finalityDepth = 12
    var verification = VerificationPolicy.bloom
    var nodeCount = 2
    /// Blocks that exist before the listener starts.
    var history = 40
    /// Blocks that come while it listens.
    var blocks = 200
    /// In a hundred blocks: forks.
    var forks = 10
    var forkDepthMax = 6
    /// Faults that any node may show, for a while each.
    var faults: [Fault] = []
    /// Faults of one node only, the last, while the first is honest.
    var lies: [Fault] = []
    /// Whether the liar lies to the end instead of healing, and always instead of at times.
    var liesForever = false
    /// The liar begins behind so many blocks.
    var liesFrom = 0
    /// In a thousand commits each: what happens to the process and the database.
    var crashes = 0
    /// Whether processes pause and stand by, clocks leap, and the database goes away.
    var hasTrouble = false
    var pollInterval: Duration = .seconds(3)
    var settings = WorldPlan.settings

    init(seed: UInt64) { self.seed = seed }

    static var settings: ListenerSettings {
        var settings = ListenerSettings()
        settings.windowDepth = 24
        settings.rangeMax = 50
        settings.segmentMax = 8
        return settings
    }

    /// Faults that one honest check of one answer finds out.
    static let detectable: [Fault] = [
        .emptyFromBehind, .nullLatest, .headBackwards, .staleBranch, .wrongChain, .invertedHint, .identicalHint,
        .wrongHint, .prunedError, .removedFlag, .duplicateLogIndex, .logsOfAnotherBlock, .foreignBlock,
        .headWithoutTime, .logsWithoutTime, .partialBatch, .missingReply, .reusedID, .shuffledBatch, .refusedBatch,
        .slow, .silent, .page, .tooManyInside, .tooMany, .unavailable, .truncated, .reset, .unknownError, .lacksTags,
        .lacksReceipts,
    ]

    static let lies: [Fault] = Fault.allCases.filter(\.isLie) + [.prunedEmpty]

    /// A world as chance has it.
    static func any(seed: UInt64, blocks: Int = 200) -> WorldPlan {
        var random = SeededGenerator(seed: seed ^ 0x70_7ca1)
        var plan = WorldPlan(seed: seed)
        plan.blocks = blocks
        plan.history = [0, 5, 60, 200].randomElement(using: &random) ?? 5
        plan.style.blooms =
            [.honest, .honest, .honest, .zero, .foreign, .settled].randomElement(using: &random) ?? .honest
        plan.style.blockSeconds = [0.25, 1, 2, 12].randomElement(using: &random) ?? 12
        plan.style.denseBlocks = random.chance(30)
        plan.finality = random.chance(70) ? .tags : .depth
        plan.nodeCount = [1, 2, 2, 2, 3, 4].randomElement(using: &random) ?? 2
        plan.forks = [0, 5, 20].randomElement(using: &random) ?? 5
        plan.faults = detectable.filter { _ in random.chance(50) }
        if plan.nodeCount > 1, random.chance(60) { plan.lies = lies.filter { _ in random.chance(50) } }
        plan.crashes = [0, 5, 30].randomElement(using: &random) ?? 0
        plan.hasTrouble = random.chance(40)
        let seconds = max(1, plan.style.blockSeconds) * [0.25, 1, 2].randomElement(using: &random)!
        plan.pollInterval = .milliseconds(Int(seconds * 1000))
        return plan
    }
}
