import Domain

extension TriggerSettings {
    /// What a new trigger needs, by document 003's limits.
    init(creating fields: FieldReader) {
        self.init(
            name: "", description: nil, chainID: nil, registry: .any, isEnabled: true, isStateful: false,
            finality: .latest, mode: .live, notifiesRetractions: true)
        fields.require("name")
        fields.require("registry")
        // Null says every chain; saying nothing could be an oversight.
        fields.require("chain_id", "is required: a chain's id, or null for every chain")
        update(fields)
    }

    /// Takes over what `fields` name and leaves the rest.
    mutating func update(_ fields: FieldReader) {
        if let name = fields.given("name", Read.text(1...255)).value { self.name = name }
        switch fields.given("description", nullable: true, Read.text(0...1000)) {
        case .value(let text): description = text
        case .null: description = nil
        case .absent: break
        }
        switch fields.given("chain_id", nullable: true, Read.chainID) {
        case .value(let id): chainID = id
        case .null: chainID = nil
        case .absent: break
        }
        if let registry = fields.given("registry", Read.choice(RegistryChoice.self)).value { self.registry = registry }
        if let flag = fields.given("enabled", Read.boolean).value { isEnabled = flag }
        if let flag = fields.given("is_stateful", Read.boolean).value { isStateful = flag }
        if let finality = fields.given("finality", Read.choice(Finality.self)).value { self.finality = finality }
        if let mode = fields.given("mode", Read.choice(TriggerMode.self)).value { self.mode = mode }
        if let flag = fields.given("notify_retractions", Read.boolean).value { notifiesRetractions = flag }
        for name in ["cooldown_seconds", "schedule"] where fields.has(name) {
            fields.refuse(name, "is not available yet")
        }
    }
}
