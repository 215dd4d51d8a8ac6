import ArgumentParser
import CFloors
import Domain
import Foundation
import Samples
import Templates

/// The floor of `webhook`: one thread with one libcurl multi handle sends the bytes that a webhook has.
struct PostCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "post", abstract: "Posts webhooks in a bare loop.")

    @Option(help: "Where they go.") var url: String
    @Option(help: "How many are sent.") var count = 10_000
    @Option(help: "How many are under way at once.") var concurrency = 64

    private struct Result: Encodable {
        var requestsPerS: Double
        var succeeded: UInt64
        var failed: UInt64
        var bodyBytes: Int
    }

    func run() async throws {
        var sampler = EventSampler()
        let event = EventSampler.event(
            sampler.log(of: .newFeedback, block: 20_000_000, index: 7), chain: World.chain(0))
        let notice = Notice(
            eventID: EventID(rawValue: 123_456), event: event, kind: .notification, deliveryID: 123_456,
            triggerID: UUID().uuidString.lowercased(), triggerName: "Bench", chainName: "Bench", explorerURL: nil)
        let body = EventDocument(notice).bytes
        let headers = [
            "user-agent: bench", "content-type: application/json", "webhook-id: msg_0000000000123456",
            "webhook-timestamp: 1700000000", "webhook-signature: v1,\(String(repeating: "A", count: 43))=",
            "x-tocsin-attempt: 1", "x-tocsin-trigger: auto", "x-tocsin-event-type: erc8004.new_feedback",
        ]
        let lines = headers.map { strdup($0) }
        defer { for line in lines { free(line) } }
        var pointers = lines.map { UnsafePointer<CChar>($0) }
        let result = body.withUnsafeBytes { bytes in
            floors_post(
                url, &pointers, pointers.count, bytes.baseAddress?.assumingMemoryBound(to: CChar.self), bytes.count,
                UInt64(count), Int32(concurrency))
        }
        try report(
            Result(
                requestsPerS: Double(result.succeeded) / result.seconds, succeeded: result.succeeded,
                failed: result.failed, bodyBytes: body.count))
    }
}

/// Prints a feedback's log, for rows that are made in SQL.
struct LogCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "log", abstract: "Prints a log of feedback.")

    private struct Result: Encodable {
        var address: String
        var topics: String
        var data: String
        var agentID: String
    }

    func run() async throws {
        var sampler = EventSampler()
        let log = sampler.log(of: .newFeedback, block: 20_000_000, index: 0)
        let event = EventSampler.event(log, chain: World.chain(0))
        guard case .number(let agent)? = event.value(of: .agentID) else {
            throw ValidationError("feedback names its agent")
        }
        func hex(_ bytes: some Sequence<UInt8>) -> String {
            bytes.map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined()
        }
        try report(
            Result(
                address: hex(log.address.bytes), topics: hex(log.topics.flatMap(\.bytes)), data: hex(log.data),
                agentID: agent.description))
    }
}
