import Storage

/// Makes the rest of the transaction plan by the tables as they are.
///
/// The queue's table is empty at one moment and holds a million rows at the next. A plan that was kept from the empty
/// one reads the whole table for each batch; measured, that made half of the server's work.
private struct PlanAnew: Statement {
    static let sql = """
        SELECT set_config('plan_cache_mode', 'force_custom_plan', true), set_config('enable_seqscan', 'off', true)
        """
}

extension Database {
    /// Runs `statement` with a plan of its own, in the same round trip.
    func plannedAnew<S: Statement>(_ statement: S) async throws -> [S.Row] {
        try await withConnection { connection in try await connection.pipeline(PlanAnew(), statement).1 }
    }
}
