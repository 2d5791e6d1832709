extension BenchReport {
  /// - Parameter times: The database's record of the same hand-overs; nil where it cannot be seen.
  mutating func add(_ outcome: ProtocolHandover.Outcome, times: AttemptTimes? = nil) {
    let total = Samples(outcome.releaseToStart)
    measurements += [
      Measurement("handover.protocol.release_to_start", unit: "ms", total),
      Measurement("handover.protocol.acknowledged_to_start", unit: "ms", Samples(outcome.acknowledgedToStart)),
      Measurement("handover.protocol.acknowledgement", unit: "ms", Samples(outcome.acknowledgement)),
    ]
    if let times {
      measurements.append(
        Measurement(
          "handover.protocol.recorded", unit: "ms", Samples(Array(times.gaps.dropFirst(ProtocolHandover.warmUp)))))
    }
    goals += Self.handoverGoals("release to start, at the level of the protocol", total)
  }

  mutating func add(_ outcome: WorkerHandover.Outcome, times: AttemptTimes) {
    let gaps = zip(outcome.starts.dropFirst(), times.ended).map { ($0 - $1) * 1000 }
    // What a shell needs before its first word is its own affair: the worker has started it by then.
    let alone = Samples(outcome.programAlone)
    let launched = Samples(gaps.map { $0 - alone.median })
    measurements += [
      Measurement("handover.workers.recorded", unit: "ms", Samples(times.gaps)),
      Measurement("handover.workers.release_to_launch", unit: "ms", launched),
      Measurement("handover.workers.release_to_start", unit: "ms", Samples(gaps)),
      Measurement("handover.workers.stop_to_start", unit: "ms", Samples(outcome.stopToStart)),
      Measurement("handover.workers.drain_to_start", unit: "ms", Samples(outcome.drainToStart)),
      Measurement("handover.workers.program_alone", unit: "ms", alone),
    ]
    goals += Self.handoverGoals("release to launch of the program, real workers", launched)
  }

  mutating func add(_ outcome: WorkerRecovery.Outcome, leaseSeconds: Double) {
    let samples = Samples(outcome.killToStart)
    let lease = [(name: "lease_ms", value: Int(leaseSeconds * 1000))]
    measurements.append(Measurement("recovery.kill_to_start", lease, unit: "s", samples))
    goals.append(
      Goal(
        "kill to start, lease of \(leaseSeconds) s, the longest", .below(leaseSeconds + 2), measured: samples.maximum,
        unit: "s"))
  }

  private static func handoverGoals(_ what: String, _ samples: Samples) -> [Goal] {
    [
      Goal("\(what), median", .below(10), measured: samples.median, unit: "ms"),
      Goal("\(what), p99", .below(50), measured: samples.percentile(0.99), unit: "ms"),
    ]
  }
}
