import CFuzzer
import FuzzTargets
import Glibc

guard let name = getenv("FUZZ_TARGET"), let target = FuzzTarget(rawValue: String(cString: name)) else {
    fatalError("FUZZ_TARGET is one of \(FuzzTarget.allCases.map(\.rawValue))")
}
Fuzzer.target = target
var count = CommandLine.argc
var arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = CommandLine.unsafeArgv
exit(LLVMFuzzerRunDriver(&count, &arguments) { Fuzzer.run($0, $1) })

enum Fuzzer {
    /// Set once, before the first input.
    nonisolated(unsafe) static var target = FuzzTarget.abi
    private static let loop = Loop()

    /// Reads one input.
    static func run(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
        let bytes = [UInt8](UnsafeBufferPointer(start: start, count: count))
        let target = target
        loop.run { await target.run(bytes) }
        return 0
    }
}
