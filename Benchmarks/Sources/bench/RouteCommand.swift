import ArgumentParser
import Foundation
import Hummingbird
import Logging

/// The floor of `api.reads_per_s`: a Hummingbird server with one route that answers the same bytes.
struct RouteCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "route", abstract: "Serves a file's bytes as JSON.")

    @Option(help: "The file with the body to answer.") var body: String
    @Option(help: "The port to listen on; 0 takes a free one.") var port = 0

    private struct Result: Encodable {
        var url: String
    }

    func run() async throws {
        let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: body)))
        let router = Router()
        router.get("/api/v1/triggers") { _, _ in
            Response(
                status: .ok, headers: [.contentType: "application/json; charset=utf-8"],
                body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
        }
        let server = Application(
            router: router, configuration: .init(address: .hostname("127.0.0.1", port: port)),
            onServerRunning: { channel in
                try? report(Result(url: "http://127.0.0.1:\(channel.localAddress?.port ?? 0)/api/v1/triggers"))
                fflush(stdout)
            },
            logger: Logger(label: "route") { _ in SwiftLogNoOpLogHandler() })
        try await server.runService()
    }
}
