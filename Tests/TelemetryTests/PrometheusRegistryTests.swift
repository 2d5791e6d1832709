import BatonTelemetry
import Metrics
import Testing

@Suite struct PrometheusRegistryTests {
  let registry = PrometheusRegistry(includesProcess: false)

  @Test func everyKindIsExposedUnderItsOwnConventions() {
    registry.describe("jobs.leased", help: "Jobs handed to workers.\nBy queue; a \\ stays one.")
    registry.describe("lease_wait_seconds", help: "How long polls waited.", buckets: [1, 0.1, 0.1, .infinity])
    registry.describe("batch size", help: "Jobs a statement.", buckets: [1, 10])
    Counter(label: "jobs.leased", dimensions: [("queue", "b"), ("kind", "exec")], factory: registry).increment(by: 2)
    Counter(label: "jobs.leased", dimensions: [("kind", "exec"), ("queue", "a")], factory: registry).increment()
    FloatingPointCounter(label: "cpu_total", factory: registry).increment(by: 0.25)
    Gauge(label: "poolConnections", factory: registry).record(7)
    let meter = Meter(label: "temperature", factory: registry)
    meter.set(21.5)
    meter.decrement(by: 30)
    let waits = Timer(label: "lease.wait", factory: registry)
    waits.recordMilliseconds(100)
    waits.recordMilliseconds(250)
    waits.recordSeconds(3)
    Recorder(label: "batch size", dimensions: [("op", "settle")], factory: registry).record(4)

    #expect(
      registry.scrape() == #"""
        # HELP batch_size Jobs a statement.
        # TYPE batch_size histogram
        batch_size_bucket{op="settle",le="1"} 0
        batch_size_bucket{op="settle",le="10"} 1
        batch_size_bucket{op="settle",le="+Inf"} 1
        batch_size_sum{op="settle"} 4
        batch_size_count{op="settle"} 1
        # HELP cpu_total cpu_total
        # TYPE cpu_total counter
        cpu_total 0.25
        # HELP jobs_leased_total Jobs handed to workers.\nBy queue; a \\ stays one.
        # TYPE jobs_leased_total counter
        jobs_leased_total{kind="exec",queue="a"} 1
        jobs_leased_total{kind="exec",queue="b"} 2
        # HELP lease_wait_seconds How long polls waited.
        # TYPE lease_wait_seconds histogram
        lease_wait_seconds_bucket{le="0.1"} 1
        lease_wait_seconds_bucket{le="1"} 2
        lease_wait_seconds_bucket{le="+Inf"} 3
        lease_wait_seconds_sum 3.35
        lease_wait_seconds_count 3
        # HELP pool_connections poolConnections
        # TYPE pool_connections gauge
        pool_connections 7
        # HELP temperature temperature
        # TYPE temperature gauge
        temperature -8.5

        """#)
  }

  @Test func labelsAreEscapedAndTheirNamesMadeLegal() {
    registry.set("odd", labels: ["1st": "a\"b\\c\nd", "le": "x", "__own": "ü", "hostName": ""], to: .infinity)
    #expect(
      registry.scrape().split(separator: "\n").last
        == #"odd{_1st="a\"b\\c\nd",_own="ü",host_name="",le_="x"} +Inf"#)
  }

  @Test func replacingASnapshotDropsWhatHasVanished() {
    registry.replace("queue_jobs", with: [["queue": "a"]: 1, ["queue": "b"]: 2])
    registry.replace("queue_jobs", with: [["queue": "b"]: 3, ["queue": "c"]: 4])
    #expect(samples == [#"queue_jobs{queue="b"} 3"#, #"queue_jobs{queue="c"} 4"#])
    registry.replace("queue_jobs", with: [:])
    #expect(registry.scrape().isEmpty)
  }

  @Test func settingASnapshotAgainOverwritesIt() {
    registry.set("queued", to: 5)
    registry.set("queued", to: 4)
    #expect(samples == ["queued 4"])
  }

  @Test func destroyingAMetricRemovesItsSeriesAndNoOther() {
    let doomed = Counter(label: "a", dimensions: [("x", "1")], factory: registry)
    let kept = Counter(label: "a", dimensions: [("x", "2")], factory: registry)
    let timer = Timer(label: "t", factory: registry)
    kept.increment()
    doomed.destroy()
    timer.destroy()
    #expect(samples == [#"a_total{x="2"} 1"#])

    // Of the same name and labels, but made after the first was gone.
    let successor = Counter(label: "a", dimensions: [("x", "1")], factory: registry)
    successor.increment(by: 9)
    doomed.destroy()
    #expect(samples == [#"a_total{x="1"} 9"#, #"a_total{x="2"} 1"#])
  }

  @Test func theSameLabelAndDimensionsShareOneSeries() {
    Counter(label: "a", dimensions: [("x", "1"), ("y", "2")], factory: registry).increment()
    Counter(label: "a_total", dimensions: [("y", "2"), ("x", "1")], factory: registry).increment()
    FloatingPointCounter(label: "a", dimensions: [("x", "1"), ("y", "2")], factory: registry).increment(by: 0.5)
    #expect(samples == [#"a_total{x="1",y="2"} 2.5"#])
  }

  @Test func aNameTakenByAnotherKindKeepsItsType() {
    Gauge(label: "depth", factory: registry).record(3)
    Recorder(label: "depth", factory: registry).record(100)
    Recorder(label: "depth", dimensions: [("x", "1")], factory: registry).record(100)
    registry.replace("depth", with: [[:]: 4])
    #expect(samples == ["depth 4"])
  }

  @Test func countersIgnoreWhatWouldTakeThemDown() {
    let handler = registry.makeCounter(label: "a", dimensions: [])
    handler.increment(by: 3)
    handler.increment(by: -2)
    let fractional = registry.makeFloatingPointCounter(label: "a", dimensions: [])
    fractional.increment(by: -0.5)
    fractional.increment(by: .nan)
    fractional.increment(by: .infinity)
    #expect(samples == ["a_total 3"])
    handler.reset()
    #expect(samples == ["a_total 0"])
  }

  @Test func histogramsIgnoreWhatWouldSpoilTheirSum() {
    registry.describe("r", help: "R.", buckets: [])
    let recorder = Recorder(label: "r", factory: registry)
    recorder.record(Double.nan)
    recorder.record(Double.infinity)
    recorder.record(2.5)
    #expect(samples == [#"r_bucket{le="+Inf"} 1"#, "r_sum 2.5", "r_count 1"])
  }

  @Test func concurrentIncrementsAreAllCounted() async {
    let rounds = 100_000
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<8 {
        group.addTask { [registry] in
          let counter = Counter(label: "whole", factory: registry)
          let fractional = FloatingPointCounter(label: "halves", factory: registry)
          let meter = Meter(label: "meter", factory: registry)
          let recorder = Recorder(label: "recorder", factory: registry)
          for _ in 0..<rounds {
            counter.increment()
            fractional.increment(by: 0.5)
            meter.increment(by: 1)
            recorder.record(1)
          }
        }
      }
    }
    #expect(samples.contains("whole_total 800000"))
    #expect(samples.contains("halves_total 400000"))
    #expect(samples.contains("meter 800000"))
    #expect(samples.contains(#"recorder_bucket{le="0.5"} 0"#))
    #expect(samples.contains(#"recorder_bucket{le="1"} 800000"#))
    #expect(samples.contains("recorder_sum 800000"))
  }

  #if os(Linux)
    @Test func theProcessTellsAboutItself() throws {
      let lines = PrometheusRegistry().scrape().split(separator: "\n")
      func value(_ name: String) throws -> Double {
        let line = try #require(lines.first { $0.hasPrefix(name + " ") })
        return try #require(Double(line.dropFirst(name.count + 1)))
      }
      #expect(try value("process_resident_memory_bytes") > 1_000_000)
      #expect(try value("process_cpu_seconds_total") >= 0)
      #expect(try value("process_open_fds") >= 3)
      // After 2020: neither since boot nor in ticks.
      #expect(try value("process_start_time_seconds") > 1_577_836_800)
      #expect(lines.contains("# TYPE process_cpu_seconds_total counter"))
    }
  #endif

  /// The scrape without its comments.
  private var samples: [String] {
    registry.scrape().split(separator: "\n").filter { !$0.hasPrefix("#") }.map(String.init)
  }
}
