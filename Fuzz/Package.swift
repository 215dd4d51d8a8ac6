// swift-tools-version: 6.2
import PackageDescription

// Built by Tools/fuzz, which adds the fuzzer's instrumentation to every module.
let package = Package(
    name: "fuzz",
    dependencies: [.package(name: "tocsin", path: "..")],
    targets: [
        .executableTarget(
            name: "fuzz", dependencies: ["CFuzzer", .product(name: "TocsinFuzz", package: "tocsin")],
            linkerSettings: [.unsafeFlags(["-sanitize=fuzzer"])]),
        .target(name: "CFuzzer"),
    ],
    swiftLanguageModes: [.v6],
    cxxLanguageStandard: .cxx17
)
