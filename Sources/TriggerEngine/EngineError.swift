/// Why a chain's evaluation stopped; it begins again from what is stored.
enum EngineError: Error, Equatable {
    /// Another engine holds the chain's lease, or moved its cursor.
    case fenced
}
