import Domain

func readChains(_ bytes: [UInt8]) {
    do throws(ChainsFileError) {
        let file = try ChainsFile(parsing: bytes, environment: ["KEY": "secret", "EMPTY": ""])
        promise(file.chains.count <= ChainsFile.chainsMax, "there are only so many chains")
        promise(Set(file.chains.map(\.id)).count == file.chains.count, "ids are unique")
    } catch {
        promise(!error.problems.isEmpty, "a refused file has a problem")
        promise(!error.description.contains("secret"), "no variable is shown")
    }
    for line in LogLine.decodeAll(json: bytes) { promise(!line.utf8.contains(UInt8(ascii: "\n")), "a log is a line") }
}
