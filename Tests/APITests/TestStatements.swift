import Storage

struct PasswordHashes: Statement {
    static let sql = "SELECT password_hash FROM users"
    func decode(_ row: borrowing RowReader) throws(StorageError) -> String { try row.text(0) }
}
