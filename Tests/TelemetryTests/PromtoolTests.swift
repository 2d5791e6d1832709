import BatonTelemetry
import Foundation
import Metrics
import Subprocess
import Testing

@Suite struct PromtoolTests {
  private static let isInstalled = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
    .contains { FileManager.default.isExecutableFile(atPath: "\($0)/promtool") }

  @Test(.enabled(if: isInstalled, "promtool is not installed"))
  func aScrapeOfEverythingPassesItsLinter() async throws {
    let registry = PrometheusRegistry()
    registry.describe("lease wait", help: "Waiting \\ or \n not.")
    for queue in ["default", "a\"b\\c\nd", "größe", ""] {
      Counter(label: "http.requests", dimensions: [("le", queue), ("queueName", "x")], factory: registry).increment()
      Timer(label: "lease wait", dimensions: [("queue", queue)], factory: registry).recordMilliseconds(12)
      Recorder(label: "2nd batch", dimensions: [("le", queue)], factory: registry).record(1e300)
    }
    FloatingPointCounter(label: "spent", factory: registry).increment(by: 1e-7)
    Gauge(label: "ns:depthNow", factory: registry).record(-Double.infinity)
    registry.replace("queue_jobs", with: [["queue": "a", "status": "queued"]: .nan, [:]: 1])

    let result = try await run(
      .name("promtool"), arguments: ["check", "metrics"], input: .string(registry.scrape()),
      output: .string(limit: 65_536), error: .string(limit: 65_536))
    #expect(result.terminationStatus == .exited(0), "\(result.standardError)")
    #expect(result.standardError == "")
  }
}
