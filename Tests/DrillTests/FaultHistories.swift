import Testing

@testable import BatonDrill

/// Histories of a fault made by hand, for the suites that judge them: a good one, with what is bad about it.
protocol FaultHistories {}

extension FaultHistories {
  var fault: CoordinatorKilled { CoordinatorKilled() }

  /// Ten jobs a second from 0 to 40, each done 0.5 s after it was accepted; the fault is from 10 to 15, and the rate
  /// afterwards is measured from 30 to 40. Two coordinators and two workers take turns.
  ///
  /// - Parameters:
  ///   - silence: When nothing is done; what was due then is done after it, in good time.
  ///   - worker: Who does what comes then; in turns if nil.
  ///   - coordinator: Who answers what was sent then; in turns if nil.
  ///   - ready: What a coordinator says then when asked whether it is ready; `.some(nil)` for no answer, nil if nobody asks.
  func history(
    silence: ClosedRange<Double>? = nil, after share: Int = 1, worker: (Double) -> String? = { _ in nil },
    coordinator: (Double) -> String? = { _ in nil },
    ready: (_ coordinator: String, _ sentAt: Double) -> Int?? = { _, _ in .some(200) }
  ) -> HistoryMaker {
    var history = HistoryMaker()
    history.at(0, .fleet(coordinators: ["coordinator-1", "coordinator-2"], workers: ["worker-1", "worker-2"]))
    history.at(5, .phase(fault: fault.name, .before))
    history.at(10, .phase(fault: fault.name, .begun))
    history.at(15, .phase(fault: fault.name, .passed(evidence: "signal 9")))
    history.at(30, .phase(fault: fault.name, .settled))
    history.at(40, .phase(fault: fault.name, .over))
    for index in 0..<400 {
      let start = Double(index) / 10
      var end = start + 0.5
      if let silence, silence.contains(end) { end = silence.upperBound + 0.1 }
      // Only every so many are as fast as before.
      if start > 15, !index.isMultiple(of: share) { end = 100 }
      let worker = worker(start) ?? "worker-\(index % 2 + 1)-1"
      let coordinator = coordinator(start) ?? "coordinator-\(index % 2 + 1)"
      history.at(start, .accepted(job(index), id: "id-\(index)"))
      history.at(start, .receipt(job: index, id: "id-\(index)", from: coordinator, sentAt: start - 0.01))
      history.at(end - 0.41, .given(worker: worker, job: "id-\(index)", attempt: 1))
      history.at(end - 0.4, .began(worker: worker, job: "id-\(index)", attempt: 1))
      history.at(
        end - 0.2,
        .answered(worker: worker, job: "id-\(index)", attempt: 1, .held, sentAt: end - 0.21))
      history.at(end, .told(worker: worker, job: "id-\(index)", attempt: 1, "done"))
      if index.isMultiple(of: 10) {
        history.at(
          end - 0.1, .read(job: index, status: "processing", attempt: 1, from: coordinator, sentAt: end - 0.11))
        history.at(end + 0.2, .read(job: index, status: "done", attempt: 1, from: coordinator, sentAt: end + 0.1))
      }
      history.at(200, .ending(ending(index, "done", ["done"])))
    }
    history.at(200, .counted(jobs: 400))
    history.at(10, .programEnded("coordinator-1-1", .signalled(9), .killed))
    for program in ["worker-1-1", "worker-2-1", "coordinator-1-2", "coordinator-2-1"] {
      history.at(202, .programEnded(program, .exited(0), .told))
    }
    // Four times a second both coordinators are asked whether they are ready.
    for index in 0..<180 {
      let sentAt = Double(index) / 4
      for coordinator in ["coordinator-1", "coordinator-2"] {
        guard let status = ready(coordinator, sentAt) else { continue }
        history.at(sentAt + 0.01, .readiness(coordinator: coordinator, status: status, sentAt: sentAt))
      }
    }
    return history
  }

  func job(_ index: Int, kind: DrillJob.Kind = .steps, fate: DrillJob.Fate = .done) -> DrillJob {
    DrillJob(index: index, kind: kind, steps: 4, stepSeconds: 0.1, checkpointEvery: 10, behaviour: .auto, fate: fate)
  }

  func ending(_ index: Int, _ status: String, _ outcomes: [String?]) -> JobEnding {
    let attempts = outcomes.enumerated().map { position, outcome in
      JobEnding.Attempt(
        number: position + 1, worker: "a", outcome: outcome, reason: nil, startedAt: 1, endedAt: 12)
    }
    return JobEnding(job: index, id: "id-\(index)", status: status, error: nil, attempts: attempts)
  }

  func verdict(_ history: HistoryMaker, _ fault: (any Fault)? = nil) -> FaultVerdict {
    FaultCheck(history: history.entries, faults: [fault ?? self.fault]).verdict()
  }

  func expect(
    _ history: HistoryMaker, violates words: String, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let violations = verdict(history).violations
    #expect(violations.contains { $0.contains(words) }, "\(violations)", sourceLocation: sourceLocation)
  }

  /// The good history with some jobs never done, and with another fault.
  func history(_ name: String, missing: (_ index: Int, _ start: Double) -> Bool) -> [HistoryEntry] {
    history().entries.compactMap { entry in
      switch entry.event {
      case .told(_, let job, _, "done"):
        let index = Int(job.dropFirst(3)) ?? 0
        return missing(index, Double(index) / 10) ? nil : entry
      case .phase(_, let phase): return HistoryEntry(at: entry.at, event: .phase(fault: name, phase))
      default: return entry
      }
    }
  }
}
