import Foundation
import Logging

/// How log lines look; the raw value is what `LOG_FORMAT` takes.
enum LogFormat: String, CaseIterable {
    /// For people: time, level, message, metadata.
    case text
    /// For machines: one JSON object a line.
    case json

    /// `text` where standard error is a terminal, `json` elsewhere.
    static var suitable: LogFormat { isatty(STDERR_FILENO) == 1 ? .text : .json }
}

/// Sends every logger's lines to standard error in `format`; called once, before the first logger is made.
func bootstrapLogging(level: Logger.Level, format: LogFormat) {
    LoggingSystem.bootstrap { label in
        switch format {
        case .text:
            var handler = StreamLogHandler.standardError(label: label)
            handler.logLevel = level
            return handler
        case .json: return JSONLogHandler(label: label, logLevel: level)
        }
    }
}

/// Writes each log line as a JSON object: `time`, `level`, `label`, `message`, then the metadata.
struct JSONLogHandler: LogHandler {
    let label: String
    var logLevel: Logger.Level
    var metadata: Logger.Metadata = [:]

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var members: [String: String] = [:]
        for (key, value) in metadata { members[key] = "\(value)" }
        if let given = event.metadata {
            for (key, value) in given { members[key] = "\(value)" }
        }
        members["time"] = Date.now.ISO8601Format(.init(includingFractionalSeconds: true))
        members["level"] = event.level.rawValue
        members["label"] = label
        members["message"] = "\(event.message)"
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard var line = try? encoder.encode(members) else { return }
        line.append(UInt8(ascii: "\n"))
        FileHandle.standardError.write(line)
    }
}
