import Ethereum

func readRLP(_ bytes: [UInt8]) {
    guard let item = try? RLP.decode(bytes) else { return }
    promise(RLP.encode(item) == bytes, "only canonical bytes are read")
    _ = item.integer
}
