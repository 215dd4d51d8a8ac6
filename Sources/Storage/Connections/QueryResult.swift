import CPostgres

/// The outcome of one finished statement.
struct QueryResult: ~Copyable {
    let raw: OpaquePointer

    deinit { PQclear(raw) }

    var status: ExecStatusType { PQresultStatus(raw) }
    /// Whether the server now waits for a copy to go on.
    var isCopy: Bool { status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH }
    var rowCount: Int32 { PQntuples(raw) }
    /// How many rows the command read or changed; 0 where it tells no number.
    var affected: Int { Int(String(cString: PQcmdTuples(raw))) ?? 0 }
    /// The command's name as the server reports it, `COMMIT`.
    var command: String { String(cString: PQcmdStatus(raw)) }
    /// The types of the result's columns.
    var columnTypes: [UInt32] { (0..<PQnfields(raw)).map { PQftype(raw, $0) } }
    /// The types of a described statement's parameters.
    var parameterTypes: [UInt32] { (0..<PQnparams(raw)).map { PQparamtype(raw, $0) } }

    /// The error that the result stands for; nil if it is none.
    var error: StorageError? {
        switch status {
        case PGRES_FATAL_ERROR, PGRES_BAD_RESPONSE, PGRES_NONFATAL_ERROR: serverError
        case PGRES_PIPELINE_ABORTED: .queryFailed(sqlState: "25P02", message: "an earlier statement failed")
        default: nil
        }
    }

    private var serverError: StorageError {
        guard let sqlState = field(.sqlState) else {
            return .unavailable(reason: "the connection broke")
        }
        let constraint = field(.constraint) ?? ""
        switch sqlState {
        case "23505": return .uniqueViolation(constraint: constraint)
        case "23503": return .foreignKeyViolation(constraint: constraint)
        case "23514": return .checkViolation(constraint: constraint)
        case "23502": return .notNullViolation(column: field(.column) ?? "")
        case "40001": return .serializationFailure
        case "40P01": return .deadlock
        case "57014": return .timedOut
        default: return .queryFailed(sqlState: sqlState, message: message(sqlState: sqlState))
        }
    }

    /// The primary message; for data exceptions, which quote the value, only a general one.
    private func message(sqlState: String) -> String {
        if sqlState.hasPrefix("22") { return "a value was refused (data exception)" }
        return field(.message) ?? "no message"
    }

    /// libpq's `PG_DIAG_…`, which are character literals and thus not imported.
    private enum Diagnostic: Unicode.Scalar {
        case sqlState = "C"
        case message = "M"
        case constraint = "n"
        case column = "c"
    }

    private func field(_ part: Diagnostic) -> String? {
        PQresultErrorField(raw, Int32(part.rawValue.value)).map { String(cString: $0) }
    }
}
