// swift-tools-version: 6.2
import PackageDescription

// Built by Tools/fuzz, which adds the fuzzer's instrumentation to every module.
let package = Package(
    name: "fuzz",
    dependencies: [.package(name: "tocsin", path: "..")],
    targets: [
        .executableTarget(
            name: "fuzz", dependencies: [.product(name: "TocsinFuzz", package: "tocsin")],
            swiftSettings: [.unsafeFlags(["-parse-as-library"])], linkerSettings: [.unsafeFlags(["-sanitize=fuzzer"])])
    ],
    swiftLanguageModes: [.v6],
    cxxLanguageStandard: .cxx17
)
