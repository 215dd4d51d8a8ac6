import Conditions
import Domain
import Foundation
import Storage

/// What became of a stored trigger.
enum CompilationOutcome {
    case trigger(CompiledTrigger)
    /// It is disabled, or has nobody to tell.
    case idle
    /// Its conditions no longer compile; the reasons are for the log.
    case poison(String)
}

/// Compiles stored triggers.
enum TriggerCompiler {
    static func compile(
        _ trigger: StoredTrigger, _ conditions: some Sequence<StoredCondition>, _ actions: some Sequence<StoredAction>
    ) -> CompilationOutcome {
        let actions = actions.map(\.action)
        // A trigger in shadow counts its matches whether or not it has actions yet.
        guard trigger.isEnabled, !actions.isEmpty || trigger.mode == .shadow else { return .idle }
        var sources: [ConditionSource] = []
        for condition in conditions {
            var config: JSON?
            var value: JSON?
            if let text = condition.value {
                value = JSON(stored: text)
                guard value != nil else { return .poison("a condition's value is no JSON that can be read") }
            }
            if let text = condition.config {
                config = JSON(stored: text)
                guard config != nil else { return .poison("a condition's config is no JSON that can be read") }
            }
            sources.append(
                ConditionSource(
                    type: condition.type, field: condition.field, operator: condition.operator, value: value,
                    config: config))
        }
        do throws(ConditionErrors) {
            let compiled = try ConditionSet(compiling: sources, registry: trigger.registry)
            return .trigger(
                CompiledTrigger(
                    id: trigger.id, organizationID: trigger.organizationID, chainID: trigger.chainID,
                    registry: trigger.registry, finality: trigger.finality, mode: trigger.mode,
                    enabledAt: trigger.enabledAt, conditions: compiled, actions: actions))
        } catch {
            return .poison(error.description)
        }
    }
}
