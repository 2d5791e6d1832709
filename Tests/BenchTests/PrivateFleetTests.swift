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
    let steps = ["submit", "lease", "settle", "work", "cycle"]
    let plain = ["http", "http_submit"] + steps.map { "one_table_\($0)" }
    #expect(report.throughput.map(\.step) == plain + ["nothing"] + steps + steps)
    let ratio = report.measurement("throughput.cycle.of_one_table", [("connections", 4), ("batch", 1)])
    #expect(ratio?.samples.count == 2)
    for row in report.throughput {
      #expect(row.rate.count == 2)
      #expect(row.rate.minimum > 0)
    }
    #expect(report.measurement("yardstick.pgbench.work", [("batch", 1)])?.samples.count == 2)
  }

  @Test func aBacklogIsBurntDownWhole() async throws {
    let report = try await bench.burnDown(rounds: 1, jobs: 50, workers: 2, slots: 4, jobSeconds: 0.001)
    #expect(try #require(report.measurements.first { $0.name == "burndown" }).samples.minimum > 0)
  }

  @Test func leasesAreKeptAndWaitingWorkersCounted() async throws {
    let heartbeats = try await bench.heartbeats(rounds: 2, workers: 1)
    #expect(heartbeats.measurement("heartbeats.renewals", [("leases", 1000)])?.samples.count == 2)
    let latency = try await bench.latency(rounds: 1, rates: [20], seconds: 1, workers: 2)
    #expect(latency.measurement("latency.submit_to_start", [("rate", 20)])?.samples.count == 20)
  }

  @Test func smallRequestsAreTimedAloneAndBesideLargeOnes() async throws {
    let report = try await bench.fairness(rounds: 2, rate: 40, seconds: 1, batch: 50, submitters: 2, workers: 2)
    for batch in [0, 50] {
      let parameters = [("rate", 40), ("beside", batch)]
      for name in ["fairness.submit_to_answer", "fairness.submit_to_start"] {
        #expect(try #require(report.measurement(name, parameters)).samples.count == 80)
      }
    }
    #expect(try #require(report.measurement("fairness.batches", [("batch", 50)])).samples.minimum > 0)
  }

  @Test func workersThatWaitAreWatched() async throws {
    let report = try await bench.waiting(workers: 3, seconds: 1)
    #expect(try #require(report.measurement("waiting.memory.before", [("workers", 3)])).samples.minimum > 1)
    #expect(try #require(report.measurement("waiting.idle", [("workers", 3)])).samples.minimum >= 0)
  }

  @Test func leasesComeFromAFewJobsAndFromManyInTurn() async throws {
    let report = try await bench.scale(rounds: 1, queued: 2000, finished: 300, steps: 3, jobs: 100)
    // Two hundred one by one, and ten hundreds.
    for (batch, requests) in [(1, 200), (100, 10)] {
      for queues in [1, 8] {
        for size in [(1000, 0), (2000, 300)] {
          let parameters = [("batch", batch), ("queues", queues), ("queued", size.0), ("finished", size.1)]
          let measured = try #require(report.measurement("scale.lease", parameters))
          #expect(measured.samples.count == requests)
        }
      }
    }
    #expect(report.goals.count == 8)
    #expect(report.series.allSatisfy { $0.points.map(\.at) == [2000] })
  }

  @Test func theSameLoadRunsWithAndWithoutAPinnedTransaction() async throws {
    let report = try await bench.pinned(rate: 40, seconds: 2, workers: 4)
    for pinned in [0, 1] {
      let parameters = [("rate", 40), ("pinned", pinned)]
      #expect(try #require(report.measurement("pinned.submit_to_start", parameters)).samples.count == 80)
      #expect(try #require(report.measurement("pinned.never_started", parameters)).samples.maximum == 0)
    }
    #expect(report.series.count == 6)
  }

  @Test func aSoakIsToldPieceByPiece() async throws {
    let report = try await bench.soak(rate: 60, seconds: 6, workers: 1, slots: 4, retentionSeconds: 2)
    let rate = try #require(report.series.first { $0.name == "soak.rate" })
    #expect(rate.points.count == 6)
    #expect(rate.points.contains { $0.value > 0 })
    #expect(report.series.contains { $0.name == "soak.memory.workers" })
    #expect(try #require(report.goals.first { $0.what == "soak: jobs left in the end" }).isMet)
  }
}

/// The programs that the build puts beside the tests.
private enum TestPrograms {
  static let found: BenchPrograms = {
    var buffer = [UInt8](repeating: 0, count: 4096)
    let count = buffer.withUnsafeMutableBytes { readlink("/proc/self/exe", $0.baseAddress!, $0.count) }
    let path = String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
    let folder = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
    return BenchPrograms(
      coordinator: "\(folder)/coordinator", worker: "\(folder)/worker", yardstick: "\(folder)/yardstick")
  }()
}
