import CPostgres
import Synchronization

/// A statement of a pipeline and, once it has run, its rows.
protocol PipelineStep: Sendable {
    /// What the server knows of the statement, and its arguments.
    func prepare(_ session: isolated Session) throws(StorageError) -> (name: String, parameters: Parameters)
    /// Decodes and keeps the rows.
    func take(_ result: borrowing QueryResult, _ session: isolated Session) throws(StorageError)
}

/// The one kind of step; `rows` is filled by the session and then read by the caller.
final class StatementStep<S: Statement>: PipelineStep {
    private let statement: S
    private let decoded = Mutex<[S.Row]>([])

    init(_ statement: S) { self.statement = statement }

    var rows: [S.Row] { decoded.withLock { $0 } }

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
        try await open(loan: loan, until: deadline)
        try interruptibly(ticket, losesWork: true) { () throws(StorageError) in
            // Parsing takes round trips of its own, once in the life of the link.
            var queue: [(name: String, parameters: Parameters)] = []
            for step in steps { queue.append(try step.prepare(self)) }
            try beginNow()
            isWorkOut = true
            try guarded { () throws(StorageError) in try send(queue) }
            var failure: StorageError?
            for step in steps {
                if let error = try receive(step) { failure = failure ?? error }
            }
            try guarded { () throws(StorageError) in try endPipeline() }
            guard let failure else { return }
            if isStale(failure) { forgetStatements() }
            throw failure
        }
    }

    private func send(_ queue: [(name: String, parameters: Parameters)]) throws(StorageError) {
        guard raw.map({ PQenterPipelineMode($0) }) == 1 else { throw broken }
        for (name, parameters) in queue {
            guard put(name, parameters) == 1 else { throw broken }
        }
        guard raw.map({ PQpipelineSync($0) }) == 1 else { throw broken }
        try link?.flush(until: deadline)
    }

    /// Takes the next result; the error that it stands for, if any, leaves the pipeline in step.
    private func receive(_ step: any PipelineStep) throws(StorageError) -> StorageError? {
        let result = try guarded { () throws(StorageError) in
            guard let result = try link?.result(until: deadline) else { throw broken }
            return result
        }
        if let error = result.error { return error }
        do throws(StorageError) { try step.take(result, self) } catch { return error }
        return nil
    }

    /// Takes the mark behind the last result and leaves pipeline mode.
    func endPipeline() throws(StorageError) {
        guard let mark = try link?.nextResult(until: deadline), mark.status == PGRES_PIPELINE_SYNC,
            raw.map({ PQexitPipelineMode($0) }) == 1
        else { throw broken }
    }
}
