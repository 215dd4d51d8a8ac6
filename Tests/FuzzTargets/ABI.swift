import Domain
import Ethereum

/// Types that between them have every shape: static, dynamic, nested, empty.
private let types = [
    "uint8", "int128", "address", "bool", "bytes4", "bytes32", "bytes", "string", "uint256[]", "string[]", "bytes[3]",
    "(uint8,string)", "(string,(bytes,address)[])[2]", "uint8[2][]", "(uint256,(bool,bytes))[][]",
]

/// The first byte says what the others are.
func readABI(_ bytes: [UInt8]) {
    var input = Input(bytes)
    switch input.byte() {
    case 0: readType(input.remainder())
    case 1: _ = RevertReason.decode(input.remainder())
    case 2..<64: readValues(input.byte(), input.remainder())
    case let choice:
        let layout = EventLayouts.all[Int(choice) % EventLayouts.all.count]
        var topics = Topics()
        _ = topics.append(layout.topic0)
        // Mostly as many as there must be.
        let count = choice % 7 == 0 ? Int(input.byte() % 4) : layout.parameters.count { $0.isIndexed }
        for _ in 0..<count { if let word = Hash(bytes: input.bytes(32)) { _ = topics.append(word) } }
        readLog(topics, input.remainder())
    }
}

private func readType(_ bytes: [UInt8]) {
    let text = String(decoding: bytes, as: UTF8.self)
    if let type = ABIType(text) { promise(type.description == text, "a type is read from its canonical name alone") }
    _ = try? ABIFunction(text)
}

private func readValues(_ choice: UInt8, _ bytes: [UInt8]) {
    guard let type = ABIType(types[Int(choice) % types.count]), let values = try? ABI.decode([type], from: bytes) else {
        return
    }
    let again = try? ABI.encode(values, as: [type])
    promise(again != nil, "what was decoded can be encoded")
    promise((try? ABI.decode([type], from: again ?? [])) == values, "and is the same then")
}

private func readLog(_ topics: Topics, _ data: [UInt8]) {
    let log = Log(
        address: .zero, topics: topics, data: data, blockNumber: 1, blockHash: .zero, transactionHash: .zero,
        transactionIndex: 0, logIndex: 0)
    let event = ChainID(rawValue: 1).flatMap {
        Event(decoding: log, chainID: $0, registry: .identity, timestamp: 0, transactionFrom: nil)
    }
    switch EventDecoder.decode(log) {
    case .event(let layout, let values):
        promise(values.count == layout.parameters.count, "each parameter has a value")
        promise(event?.parameters == values, "an event has the values of its log")
        for (parameter, value) in zip(layout.parameters, values) {
            promise(event?.value(of: parameter.field) == value, "each field shows its parameter")
        }
    case .unknown: promise(false, "the topic is known")
    case .malformed: promise(event == nil, "a malformed log is no event")
    }
}
