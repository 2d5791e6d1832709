// swift-tools-version: 6.2
import PackageDescription

/// Continuous integration sets this; a newer compiler with new warnings must not stop anyone else from building.
let warnings: [SwiftSetting] =
  Context.environment["BATON_WARNINGS_AS_ERRORS"] == "1" ? [.treatAllWarnings(as: .error)] : []

let settings: [SwiftSetting] = [.swiftLanguageMode(.v6), .enableUpcomingFeature("ExistentialAny")] + warnings

/// Of what is not a test: an asynchronous function stays with its caller, instead of asking at each call and return
/// whether it has to change threads. (What Swift Testing's macros expand to does not compile that way.)
let sourceSettings = settings + [.enableUpcomingFeature("NonisolatedNonsendingByDefault")]

/// A target of this package: a module name that is unique in the whole package graph, a plain folder.
func module(
  _ name: String, _ path: String, _ dependencies: [Target.Dependency] = [], resources: [Resource] = []
) -> Target {
  .target(name: name, dependencies: dependencies, path: path, resources: resources, swiftSettings: sourceSettings)
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .testTarget(name: name, dependencies: dependencies, path: "Tests/\(name)", swiftSettings: settings)
}

func command(_ name: String, _ path: String, _ dependencies: [Target.Dependency]) -> Target {
  .executableTarget(
    name: name,
    dependencies: dependencies + ["BatonShared", "BatonTelemetry", argumentParser, lifecycle, log],
    path: path, swiftSettings: sourceSettings)
}

let argumentParser: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")
let asyncHTTPClient: Target.Dependency = .product(name: "AsyncHTTPClient", package: "async-http-client")
let collections: Target.Dependency = .product(name: "DequeModule", package: "swift-collections")
let heap: Target.Dependency = .product(name: "HeapModule", package: "swift-collections")
let configuration: Target.Dependency = .product(name: "Configuration", package: "swift-configuration")
let crypto: Target.Dependency = .product(name: "Crypto", package: "swift-crypto")
let hummingbird: Target.Dependency = .product(name: "Hummingbird", package: "hummingbird")
let hummingbirdCore: Target.Dependency = .product(name: "HummingbirdCore", package: "hummingbird")
let lifecycle: Target.Dependency = .product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let log: Target.Dependency = .product(name: "Logging", package: "swift-log")
let metrics: Target.Dependency = .product(name: "Metrics", package: "swift-metrics")
let nio: Target.Dependency = .product(name: "NIOCore", package: "swift-nio")
let http1: Target.Dependency = .product(name: "NIOHTTP1", package: "swift-nio")
let nioSSL: Target.Dependency = .product(name: "NIOSSL", package: "swift-nio-ssl")
let posixNIO: Target.Dependency = .product(name: "NIOPosix", package: "swift-nio")
let signals: Target.Dependency = .product(name: "UnixSignals", package: "swift-service-lifecycle")
let subprocess: Target.Dependency = .product(name: "Subprocess", package: "swift-subprocess")

let package = Package(
  name: "baton",
  platforms: [.macOS(.v15)],
  products: [
    // For people who write job handlers in Swift; see Examples/.
    .library(name: "BatonWorker", targets: ["BatonWorker", "BatonJSON"]),
    .executable(name: "coordinator", targets: ["CoordinatorCommand"]),
    .executable(name: "worker", targets: ["WorkerCommand"]),
    .executable(name: "baton", targets: ["BatonCommand"]),
    // For benchmarks only.
    .executable(name: "yardstick", targets: ["YardstickCommand"]),
  ],
  dependencies: [
    // The coordinator's HTTP server, and the worker's own small one.
    .package(url: "https://github.com/hummingbird-project/hummingbird.git", exact: "2.28.1"),
    // The HTTP client of the worker and the command line: explicit time-outs on Linux, unlike URLSession.
    .package(url: "https://github.com/swift-server/async-http-client.git", exact: "1.37.0"),
    // Ordered start and stop of everything long-lived.
    .package(url: "https://github.com/swift-server/swift-service-lifecycle.git", exact: "2.13.0"),
    // Flags, help and shell completion.
    .package(url: "https://github.com/apple/swift-argument-parser.git", exact: "1.8.2"),
    .package(url: "https://github.com/apple/swift-log.git", exact: "1.16.2"),
    .package(url: "https://github.com/apple/swift-metrics.git", exact: "2.13.0"),
    // Which source of a setting wins. The traits are those of Hummingbird's own dependency on it: none.
    .package(url: "https://github.com/apple/swift-configuration.git", exact: "1.4.0", traits: []),
    // Event loops for pipes to child processes; the base of the two above.
    .package(url: "https://github.com/apple/swift-nio.git", exact: "2.101.2"),
    // TLS of the coordinator, and whom its clients trust; async-http-client brings it along.
    .package(url: "https://github.com/apple/swift-nio-ssl.git", exact: "2.37.6"),
    // Queues that pop from the front in constant time; deadlines in order.
    .package(url: "https://github.com/apple/swift-collections.git", exact: "1.6.0"),
    // SHA-256 of tokens and of idempotent submissions.
    .package(url: "https://github.com/apple/swift-crypto.git", exact: "4.5.2"),
    // Child processes with their own session and an orderly teardown.
    .package(url: "https://github.com/swiftlang/swift-subprocess.git", exact: "1.0.2"),
  ],
  targets: [
    .systemLibrary(
      name: "CLibPQ", path: "Sources/CLibPQ", pkgConfig: "libpq",
      providers: [.apt(["libpq-dev"]), .brew(["libpq"])]),
    // System calls that Swift cannot make by itself.
    .target(name: "CLinuxProcess", path: "Sources/CLinuxProcess"),

    module("BatonJSON", "Sources/JSON"),
    module("BatonThreads", "Sources/Threads", [collections, heap]),
    module("BatonTelemetry", "Sources/Telemetry", [configuration, log, metrics]),
    module("BatonShared", "Sources/Shared", ["BatonJSON"]),
    // Whom a client of the coordinator trusts, and what failed when it does not.
    module("BatonTLS", "Sources/TLS", [asyncHTTPClient, nio, nioSSL, posixNIO]),
    module("BatonPostgres", "Sources/Postgres", ["CLibPQ", "BatonThreads", collections, crypto, lifecycle, log]),
    module("BatonLocalPostgres", "Sources/LocalPostgres", [log, subprocess]),
    module(
      "BatonCoordinator", "Sources/Coordinator",
      [
        "BatonJSON", "BatonPostgres", "BatonShared", "BatonTelemetry", collections, crypto, heap, http1,
        hummingbird, hummingbirdCore, lifecycle, log, metrics, nio, nioSSL, posixNIO,
        signals,
      ],
      // docs/openapi.yaml is a link to it (a link is not followed here): a program without the docs serves it, too.
      resources: [.embedInCode("API/openapi.yaml")]),
    module(
      "BatonWorker", "Sources/Worker",
      [
        "BatonJSON", "BatonShared", "BatonTLS", "BatonTelemetry", "BatonThreads", "CLinuxProcess", asyncHTTPClient,
        collections, http1, hummingbird, hummingbirdCore, lifecycle, log, metrics, nio, posixNIO, signals, subprocess,
      ]),

    // A cloud's metadata service, for tests and for rehearsing interruptions.
    module("BatonMetadataDouble", "Sources/MetadataDouble", ["BatonJSON", hummingbird, log, nio]),

    // What `baton bench` measures with.
    module(
      "BatonBench", "Sources/Bench",
      ["BatonJSON", "BatonLocalPostgres", "BatonShared", log, nio, posixNIO, subprocess]),
    // What `baton bench throughput` holds single requests against.
    module(
      "BatonYardstick", "Sources/Yardstick",
      ["BatonCoordinator", "BatonJSON", "BatonPostgres", "BatonShared", "BatonThreads", hummingbird, log, nio]),

    // Fleets under faults, and the judgement of what became of their jobs.
    module(
      "BatonDrill", "Sources/Drill",
      [
        "BatonClient", "BatonJSON", "BatonLocalPostgres", "BatonMetadataDouble", "BatonShared", "BatonWorker", log, nio,
        posixNIO, signals, subprocess,
      ]),
    module(
      "BatonClient", "Sources/Client", ["BatonJSON", "BatonShared", "BatonTLS", asyncHTTPClient, http1, nio, posixNIO]),
    module(
      "BatonCommandLine", "Sources/CommandLine",
      [
        "BatonBench", "BatonClient", "BatonDrill", "BatonJSON", "BatonLocalPostgres", "BatonMetadataDouble",
        "BatonShared", "BatonTelemetry", "BatonThreads", argumentParser, log, signals, subprocess,
      ]),

    command(
      "CoordinatorCommand", "Sources/Commands/Coordinator",
      ["BatonCoordinator", "BatonPostgres", "BatonThreads", signals]),
    command("WorkerCommand", "Sources/Commands/Worker", ["BatonWorker"]),
    command("BatonCommand", "Sources/Commands/Baton", ["BatonCommandLine"]),
    command("YardstickCommand", "Sources/Commands/Yardstick", ["BatonThreads", "BatonYardstick"]),

    module(
      "BatonTestSupport", "Tests/TestSupport",
      ["BatonLocalPostgres", "BatonMetadataDouble", "BatonPostgres", log, nio, posixNIO, subprocess]),
    tests(
      "PostgresTests",
      ["BatonLocalPostgres", "BatonPostgres", "BatonTestSupport", "BatonThreads", lifecycle, log, subprocess]),
    tests(
      "CommandTests",
      [
        "BatonClient", "BatonCommandLine", "BatonJSON", "BatonLocalPostgres", "BatonShared", "BatonTestSupport",
        "BatonThreads", argumentParser, hummingbird, log, subprocess,
      ]),
    tests(
      "CoordinatorTests",
      [
        "BatonClient", "BatonCoordinator", "BatonJSON", "BatonLocalPostgres", "BatonPostgres", "BatonShared",
        "BatonTLS", "BatonTelemetry", "BatonTestSupport", asyncHTTPClient, http1, lifecycle, log, nio, posixNIO,
        subprocess,
      ]),
    tests(
      "BenchTests",
      [
        "BatonBench", "BatonJSON", "BatonCommand", "BatonYardstick", "CoordinatorCommand", "WorkerCommand",
        "YardstickCommand", nio,
      ]),
    tests("DrillTests", ["BatonDrill", "BatonJSON", "BatonShared", "BatonTestSupport", nio, posixNIO]),
    tests(
      "FuzzTests",
      [
        "BatonBench", "BatonClient", "BatonCommandLine", "BatonCoordinator", "BatonJSON", "BatonMetadataDouble",
        "BatonPostgres", "BatonShared", "BatonTelemetry", "BatonTestSupport", "BatonWorker", http1,
      ]),
    tests("JSONTests", ["BatonJSON", "BatonTestSupport"]),
    tests("SharedTests", ["BatonJSON", "BatonShared", "BatonTestSupport"]),
    // The programs themselves, so that they are built.
    tests(
      "EndToEndTests",
      [
        "BatonClient", "BatonJSON", "BatonLocalPostgres", "BatonMetadataDouble", "BatonPostgres", "BatonShared",
        "BatonTestSupport", "BatonCommand", "CoordinatorCommand", "WorkerCommand", asyncHTTPClient, hummingbird, nio,
        subprocess,
      ]),
    tests("TelemetryTests", ["BatonTelemetry", log, metrics, subprocess]),
    tests(
      "WorkerTests",
      [
        "BatonJSON", "BatonMetadataDouble", "BatonShared", "BatonTelemetry", "BatonTestSupport", "BatonWorker",
        "SwiftWorker", "WorkerCommand", asyncHTTPClient, hummingbird, lifecycle, log, nio, posixNIO, subprocess,
      ]),

    .executableTarget(
      name: "SwiftWorker", dependencies: ["BatonWorker"], path: "Examples/SwiftWorker", swiftSettings: sourceSettings),
  ]
)
