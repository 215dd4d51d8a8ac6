// swift-tools-version: 6.2
import PackageDescription

let strict: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .treatAllWarnings(as: .error),
]

let modules = Target.Dependency.product(name: "TocsinModules", package: "tocsin")
let log = Target.Dependency.product(name: "Logging", package: "swift-log")

let package = Package(
    name: "benchmarks",
    dependencies: [
        .package(name: "tocsin", path: ".."),
        // Without its traits it needs no jemalloc.
        .package(url: "https://github.com/ordo-one/benchmark.git", exact: "1.38.1", traits: []),
        .package(url: "https://github.com/apple/swift-argument-parser.git", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log.git", from: "1.16.2"),
        .package(url: "https://github.com/hummingbird-project/hummingbird.git", from: "2.28.1"),
    ],
    targets: [
        .executableTarget(
            name: "bench",
            dependencies: [
                "Samples", "CFloors", modules, log,
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Hummingbird", package: "hummingbird"),
            ],
            swiftSettings: strict),
        .executableTarget(
            name: "Micro",
            dependencies: ["Samples", modules, .product(name: "Benchmark", package: "benchmark")],
            path: "Benchmarks/Micro", swiftSettings: strict,
            plugins: [.plugin(name: "BenchmarkPlugin", package: "benchmark")]),
        .target(name: "Samples", dependencies: [modules], swiftSettings: strict),
        .target(
            name: "CFloors",
            linkerSettings: [.linkedLibrary("simdjson"), .linkedLibrary("curl")]),
    ],
    swiftLanguageModes: [.v6],
    cxxLanguageStandard: .cxx17
)
