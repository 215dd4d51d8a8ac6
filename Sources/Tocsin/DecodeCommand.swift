import ArgumentParser
import Domain
import Foundation
import Signatures

/// `tocsin decode`: logs in, a JSON line for each out.
struct DecodeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "decode",
        abstract: "Decode logs, as eth_getLogs returns them, from standard input.",
        discussion: """
            Takes one JSON array of logs, or a log a line. Prints for each log, in order,
            {"event","registry","signature","params"} or {"error"} or {"unknown": topic0}. A bad log never stops it.
            """)

    func run() throws {
        let input = try StandardInput.whole()
        let isArray = input.first { !" \t\r\n".utf8.contains($0) } == UInt8(ascii: "[")
        for log in isArray ? [input] : StandardInput.lines(of: input) {
            for line in LogLine.decodeAll(json: log) { StandardOutput.line(line) }
        }
    }
}

/// `tocsin verify-signature`: EIP-191 signatures in, a verdict for each out.
struct VerifySignatureCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify-signature",
        abstract: "Verify EIP-191 signatures from standard input.",
        discussion: """
            Takes a JSON object a line: {"message","signature","address"}. Prints for each {"valid","recovered","reason"}.
            """)

    func run() throws {
        for line in StandardInput.lines(of: try StandardInput.whole()) {
            StandardOutput.line(SignatureLine.verify(json: line))
        }
    }
}

/// Standard input, read whole: what people paste or pipe while debugging.
enum StandardInput {
    /// The most bytes that are read.
    static let maximum = 1 << 30

    /// Everything up to the end.
    static func whole() throws -> [UInt8] {
        var input = Data()
        while let chunk = try FileHandle.standardInput.read(upToCount: 1 << 20), !chunk.isEmpty {
            input.append(chunk)
            guard input.count <= maximum else { throw ValidationError("standard input: more than 1 GiB; split it") }
        }
        return [UInt8](input)
    }

    /// The lines of `input` that are not blank.
    static func lines(of input: [UInt8]) -> [[UInt8]] {
        input.split { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }
            .filter { line in line.contains { $0 != UInt8(ascii: " ") && $0 != UInt8(ascii: "\t") } }
            .map(Array.init)
    }
}

/// Standard output, a line at a time.
enum StandardOutput {
    /// Writes `text` and a line break.
    static func line(_ text: String) {
        FileHandle.standardOutput.write(Data((text + "\n").utf8))
    }
}
