import BatonJSON
import Testing

@testable import BatonBench

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// With the real programs, and as little of everything as shows that it works; no figure is looked at.
@Suite(.serialized) struct PrivateFleetTests {
  private let bench = Bench(subject: .privateFleet(TestPrograms.found)) { _ in }

  @Test func aJobIsHandedOverSoOftenAsWasAsked() async throws {
    let report = try await bench.handover(rounds: 4, workerRounds: 2)
    #expect(report.measurement("handover.protocol.release_to_start")?.samples.count == 4)
    #expect(report.measurement("handover.workers.release_to_start")?.samples.count == 2)
    #expect(try #require(report.measurement("handover.workers.stop_to_start")).samples.minimum > 0)
    // The job was one and the same, so each attempt began after the one before it had ended.
    #expect(try #require(report.measurement("handover.workers.recorded")).samples.minimum >= 0)
    #expect(report.setting.contains { $0 == ("fsync", "on") })
  }

  @Test func aKilledWorkersJobStartsElsewhereNoSoonerThanItsLeaseAllows() async throws {
    let report = try await bench.recovery(leases: [1], rounds: 1)
    let samples = try #require(report.measurement("recovery.kill_to_start", [("lease_ms", 1000)])).samples
    #expect(samples.count == 1)
    // Renewed at most a third of the lease before it was killed.
    #expect(samples.minimum > 0.5)
  }

  @Test func everyStepOfALoadIsMeasuredBesideTheYardstick() async throws {
    let report = try await bench.throughput(rounds: 2, scale: 0.01, connections: [4], batches: [1, 10])
    #expect(
      report.throughput.map(\.step) == ["submit", "lease", "settle", "work", "cycle"]
        + report.throughput[5...].map(\.step))
    #expect(report.throughput.count == 10)
    for row in report.throughput {
      #expect(row.rate.count == 2)
      #expect(row.rate.minimum > 0)
    }
    #expect(report.measurement("yardstick.pgbench.work", [("batch", 100)])?.samples.count == 2)
  }

  @Test func aBacklogIsBurntDownWhole() async throws {
    let report = try await bench.burnDown(rounds: 1, jobs: 50, workers: 2, slots: 4, jobSeconds: 0.001)
    #expect(try #require(report.measurements.first { $0.name == "burndown" }).samples.minimum > 0)
  }

  @Test func leasesAreKeptAndWaitingWorkersCounted() async throws {
    let heartbeats = try await bench.heartbeats(rounds: 2, workers: 1)
    #expect(heartbeats.measurement("heartbeats.renewals", [("leases", 1000)])?.samples.count == 2)
    let latency = try await bench.latency(rounds: 1, rate: 20, seconds: 1, workers: 2)
    #expect(latency.measurement("latency.submit_to_start", [("rate", 20)])?.samples.count == 20)
  }

  @Test func aReportIsJSON() async throws {
    var report = BenchReport(setting: [("baton", "x")])
    report.measurements.append(.init("a.b", [("n", 1)], unit: "ms", Samples([1, 2])))
    report.goals.append(.init("what", .below(3), measured: 2, unit: "ms"))
    var reader = try JSONReader(report.json)
    var keys: [String] = []
    try reader.object { key, reader throws(JSONError) in
      keys.append(key)
      try reader.skip()
    }
    try reader.end()
    #expect(keys == ["setting", "measurements", "goals"])
  }
}

/// The programs that the build puts beside the tests.
private enum TestPrograms {
  static let found: BenchPrograms = {
    var buffer = [UInt8](repeating: 0, count: 4096)
    let count = buffer.withUnsafeMutableBytes { readlink("/proc/self/exe", $0.baseAddress!, $0.count) }
    let path = String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
    let folder = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
    return BenchPrograms(coordinator: "\(folder)/coordinator", worker: "\(folder)/worker", freePorts: freePorts)
  }()

  @Sendable private static func freePorts(_ count: Int) -> [Int]? {
    let held = (0..<count).map { _ in bound() }
    for socket in held { close(socket.descriptor) }
    return held.map(\.port)
  }

  private static func bound() -> (descriptor: Int32, port: Int) {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        _ = bind(descriptor, address, length)
        getsockname(descriptor, address, &length)
      }
    }
    return (descriptor, Int(UInt16(bigEndian: address.sin_port)))
  }
}
