// swift-tools-version: 6.2
import PackageDescription

let strict: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .treatAllWarnings(as: .error),
]

/// A target of Tocsin's own, in Swift 6 mode with warnings as errors.
func module(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

/// The tests of the target `name`; `others` are what they need besides it and the shared support.
func tests(_ name: String, _ others: [Target.Dependency] = []) -> Target {
    .testTarget(
        name: "\(name)Tests", dependencies: [.byName(name: name), "TestSupport"] + others,
        path: "Tests/\(name)Tests", swiftSettings: strict)
}

let log = Target.Dependency.product(name: "Logging", package: "swift-log")
let metrics = Target.Dependency.product(name: "Metrics", package: "swift-metrics")
let coreMetrics = Target.Dependency.product(name: "CoreMetrics", package: "swift-metrics")
let lifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let mustache = Target.Dependency.product(name: "Mustache", package: "swift-mustache")
let hummingbird = Target.Dependency.product(name: "Hummingbird", package: "hummingbird")
let hummingbirdCore = Target.Dependency.product(name: "HummingbirdCore", package: "hummingbird")
let jwt = Target.Dependency.product(name: "JWTKit", package: "jwt-kit")
let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let configuration = Target.Dependency.product(name: "Configuration", package: "swift-configuration")
let system = Target.Dependency.product(name: "SystemPackage", package: "swift-system")
let nio = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let nioHTTP = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let nioWebSocket = Target.Dependency.product(name: "NIOWebSocket", package: "swift-nio")
let nioTLS = Target.Dependency.product(name: "NIOSSL", package: "swift-nio-ssl")
let signals = Target.Dependency.product(name: "UnixSignals", package: "swift-service-lifecycle")

let package = Package(
    name: "tocsin",
    products: [
        .executable(name: "tocsin", targets: ["Tocsin"]),
        // What Benchmarks/ measures in process.
        .library(
            name: "TocsinModules",
            targets: [
                "ChainListener", "TriggerEngine", "EthereumRPC", "HTTPClient", "Conditions", "Templates", "Domain",
                "Ethereum",
            ]),
        // What Fuzz/ feeds.
        .library(name: "TocsinFuzz", targets: ["FuzzTargets"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser.git", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-configuration.git", from: "1.4.0"),
        .package(url: "https://github.com/apple/swift-crypto.git", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-log.git", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics.git", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl.git", from: "2.37.6"),
        .package(url: "https://github.com/apple/swift-system.git", from: "1.8.1"),
        .package(url: "https://github.com/hummingbird-project/hummingbird.git", from: "2.28.1"),
        .package(url: "https://github.com/hummingbird-project/swift-mustache.git", from: "2.1.1"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle.git", from: "2.13.0"),
        .package(url: "https://github.com/vapor/jwt-kit.git", from: "5.7.1"),
    ],
    targets: [
        .executableTarget(
            name: "Tocsin",
            dependencies: [
                "API", "ChainListener", "TriggerEngine", "Dispatchers", "Storage", "EthereumRPC", "HTTPClient",
                "Signatures", "Conditions", "Templates", "Domain", "Ethereum",
                arguments, configuration, system, lifecycle, signals, log, metrics, coreMetrics,
            ],
            swiftSettings: strict),
        module(
            "API",
            [
                "Conditions", "Templates", "Signatures", "EthereumRPC", "HTTPClient", "Storage", "Domain", "Ethereum",
                "CArgon2",
                hummingbird, hummingbirdCore, jwt, log, metrics, lifecycle,
            ]),
        module("ChainListener", ["EthereumRPC", "Storage", "Domain", "Ethereum", log, metrics, lifecycle]),
        module("TriggerEngine", ["Conditions", "Templates", "Storage", "Domain", "Ethereum", log, metrics, lifecycle]),
        module(
            "Dispatchers",
            ["Templates", "Signatures", "HTTPClient", "Storage", "Domain", "Ethereum", crypto, log, metrics, lifecycle]),
        // Sources/Storage/SQL is a link to migrations/: the executable carries the schema inside it.
        .target(
            name: "Storage", dependencies: ["Domain", "Ethereum", "CPostgres", log, metrics, lifecycle],
            resources: [.embedInCode("SQL")], swiftSettings: strict),
        module("EthereumRPC", ["Domain", "Ethereum", "HTTPClient", "CSimdJSON", log, metrics]),
        module("HTTPClient", ["CCurl", nio, nioPosix, nioHTTP, nioWebSocket, nioTLS, log, metrics]),
        module("Signatures", ["Ethereum", "CSecp256k1", crypto]),
        module("Conditions", ["Domain", "Ethereum", "CRE2"]),
        module("Templates", ["Domain", "Ethereum", mustache]),
        module("Domain", ["Ethereum"]),
        module("Ethereum", []),

        .systemLibrary(name: "CPostgres", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
        .systemLibrary(name: "CSecp256k1", pkgConfig: "libsecp256k1", providers: [.apt(["libsecp256k1-dev"])]),
        .systemLibrary(name: "CArgon2", pkgConfig: "libargon2", providers: [.apt(["libargon2-dev"])]),
        .systemLibrary(name: "CCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),
        .target(name: "CSimdJSON", linkerSettings: [.linkedLibrary("simdjson")]),
        .target(name: "CRE2", linkerSettings: [.linkedLibrary("re2")]),

        .target(
            name: "TestSupport", dependencies: ["Storage", "Domain", "Ethereum", "CSecp256k1", log],
            path: "Tests/TestSupport", swiftSettings: strict),
        .target(
            name: "FuzzTargets", dependencies: ["EthereumRPC", "HTTPClient", "Domain", "Ethereum", log],
            path: "Tests/FuzzTargets", swiftSettings: strict),
        .testTarget(
            name: "FuzzTests", dependencies: ["FuzzTargets"], path: "Tests/FuzzTests", swiftSettings: strict),
        tests("Ethereum"),
        tests("Domain", ["Ethereum"]),
        tests("Signatures", ["Ethereum"]),
        tests("Conditions", ["Domain", "Ethereum"]),
        tests("Templates", ["Domain", "Ethereum"]),
        tests("Storage", ["Domain", "Ethereum", log]),
        tests("HTTPClient", [nio, nioPosix, nioHTTP, nioWebSocket, nioTLS]),
        tests("EthereumRPC", ["HTTPClient", "CSimdJSON", "Domain", "Ethereum", log]),
        tests("ChainListener", ["EthereumRPC", "HTTPClient", "Storage", "Domain", "Ethereum", log]),
        tests("TriggerEngine", ["Conditions", "Storage", "Domain", "Ethereum", log]),
        tests("Dispatchers", ["Templates", "Signatures", "HTTPClient", "Storage", "Domain", "Ethereum", log]),
        tests(
            "API",
            [
                "Templates", "Signatures", "CSecp256k1", "Storage", "EthereumRPC", "HTTPClient", "Domain", "Ethereum",
                lifecycle, log,
            ]),
        .testTarget(
            name: "TocsinTests",
            dependencies: ["Tocsin", "Storage", "Domain", "Ethereum", "TestSupport"],
            path: "Tests/TocsinTests", swiftSettings: strict),
    ],
    swiftLanguageModes: [.v6],
    cxxLanguageStandard: .cxx17
)
