import CPostgres
import Synchronization

/// Statements that travel together in one round trip, in order.
public struct StatementBatch: Sendable {
    private(set) var steps: [any PipelineStep] = []

    /// A batch without statements.
    public init() {}

    /// Adds `statement`; its rows can be read from the step once the batch has run.
    @discardableResult
    public mutating func add<S: Statement>(_ statement: S) -> StatementStep<S> {
        let step = StatementStep(statement)
        steps.append(step)
        return step
    }
}

/// A statement of a pipeline and, once it has run, its rows.
protocol PipelineStep: Sendable {
    /// What the server knows of the statement, and its arguments.
    func prepare(_ session: isolated Session) throws(StorageError) -> (name: String, parameters: Parameters)
    /// Decodes and keeps the rows.
    func take(_ result: borrowing QueryResult, _ session: isolated Session) throws(StorageError)
}

/// A statement of a batch; `rows` is filled by the session and then read by the caller.
public final class StatementStep<S: Statement>: PipelineStep {
    private let statement: S
    private let decoded = Mutex<[S.Row]>([])

    init(_ statement: S) { self.statement = statement }

    /// The rows of the statement; none before the batch has run.
    public var rows: [S.Row] { decoded.withLock { $0 } }

    func prepare(_ session: isolated Session) throws(StorageError) -> (name: String, parameters: Parameters) {
        let prepared = try session.prepare(S.self)
        return (prepared.name, try Parameters(statement.arguments, as: prepared.parameterTypes))
    }

    func take(_ result: borrowing QueryResult, _ session: isolated Session) throws(StorageError) {
        let rows = try session.rows(of: statement, in: result)
        decoded.withLock { $0 = rows }
    }
}

// Several statements in one round trip.
extension Session {
    /// Runs `steps` as one transaction, or within the one that is open.
    func pipeline(
        _ steps: [any PipelineStep], loan: UInt64, _ deadline: ContinuousClock.Instant, _ ticket: CancelTicket
    ) async throws(StorageError) {
        try await onWorkingLink(loan, deadline, repeats: false) { () throws(StorageError) in
            try pipeline(steps, ticket)
        }
    }

    /// Runs `steps` as one transaction without leaving the connection's queue: each way to another one costs a wake-up.
    func transaction<Output: Sendable>(
        _ steps: [any PipelineStep], loan: UInt64, _ deadline: ContinuousClock.Instant, _ ticket: CancelTicket,
        check: () throws -> Output
    ) async throws -> Output {
        try await begin("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE", loan: loan, deadline)
        let output: Output
        do {
            try await pipeline(steps, loan: loan, deadline, ticket)
            output = try check()
            guard !ticket.isCancelled else { throw StorageError.cancelled }
        } catch {
            rollback()
            throw error
        }
        try commit()
        return output
    }

    private func pipeline(_ steps: [any PipelineStep], _ ticket: CancelTicket) throws(StorageError) {
        try interruptibly(ticket, losesWork: true) { () throws(StorageError) in
            // Parsing takes round trips of its own, once in the life of the link.
            var queue: [(name: String, parameters: Parameters)] = []
            for step in steps { queue.append(try step.prepare(self)) }
            let begin = pendingBegin
            pendingBegin = nil
            isWorkOut = true
            try guarded { () throws(StorageError) in try send(begin, queue) }
            var failure: StorageError? = if begin != nil { try receive { _ throws(StorageError) in } } else { nil }
            for step in steps {
                let error = try receive { result throws(StorageError) in try step.take(result, self) }
                if let error { failure = failure ?? error }
            }
            try guarded { () throws(StorageError) in try endPipeline() }
            guard let failure else { return }
            if isStale(failure) { forgetStatements() }
            throw failure
        }
    }

    private func send(_ begin: String?, _ queue: [(name: String, parameters: Parameters)]) throws(StorageError) {
        guard let raw, PQenterPipelineMode(raw) == 1 else { throw broken }
        if let begin {
            guard PQsendQueryParams(raw, begin, 0, nil, nil, nil, nil, 1) == 1 else { throw broken }
        }
        for (name, parameters) in queue {
            guard put(name, parameters) == 1 else { throw broken }
        }
        guard PQpipelineSync(raw) == 1 else { throw broken }
        try link?.flush(until: deadline)
    }

    /// Hands the next result to `take`; the error that it stands for, if any, leaves the pipeline in step.
    private func receive(
        _ take: (borrowing QueryResult) throws(StorageError) -> Void
    ) throws(StorageError) -> StorageError? {
        let result = try guarded { () throws(StorageError) in
            guard let result = try link?.result(until: deadline) else { throw broken }
            return result
        }
        if let error = result.error { return error }
        do throws(StorageError) { try take(result) } catch { return error }
        return nil
    }

    /// Takes the mark behind the last result and leaves pipeline mode.
    func endPipeline() throws(StorageError) {
        guard let mark = try link?.nextResult(until: deadline), mark.status == PGRES_PIPELINE_SYNC,
            raw.map({ PQexitPipelineMode($0) }) == 1
        else { throw broken }
    }
}
