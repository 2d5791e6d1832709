import BatonJSON
import BatonTestSupport
import Foundation
import Testing

@testable import BatonDrill

/// What the drill's programs have written and are told: records, logs and orders, cut off or damaged anywhere.
@Suite struct ProgramFuzzTests {
  private static let job = DrillJob(
    index: 7, kind: .steps, steps: 100, stepSeconds: 0.1, checkpointEvery: 10, behaviour: .auto)
  private static let attempt = JobEnding.Attempt(number: 2, worker: "w-1", outcome: "done", startedAt: 1, endedAt: 9)

  /// Gives each good text to `body`, and then damaged ones. Between any two, whoever else waits for a thread gets one.
  private func damaged(_ good: [String], seed: UInt64, _ body: (String) -> Void) async {
    var mutator = Mutator(random: SeededGenerator(seed: seed))
    for text in good { body(text) }
    for _ in 0..<1000 {
      await Task.yield()
      body(String(decoding: mutator.mutate(good.map { Array($0.utf8) }), as: UTF8.self))
    }
  }

  @Test(arguments: Array(1...8) as [UInt64]) func logsOfTheBuiltInKind(seed: UInt64) async {
    let good = [
      "going on at step 40\ncheckpoint at step 50\ncheckpoint at step 60\ninterrupted at step 63\n",
      "checkpoint at step 10\nsomething else\n",
    ]
    var count = 0
    await damaged(good, seed: seed) { text in
      let run = StepsLog.run(in: text, job: Self.job, attempt: Self.attempt)
      #expect(run.attempt == 2 && run.worker == "w-1" && !run.isExact && run.steps.isEmpty && run.finishedAt == 9)
      // Written again, what was read is read again.
      var again = run.first.map { "going on at step \($0 - 1)\n" } ?? ""
      for checkpoint in run.checkpoints { again += "checkpoint at step \(checkpoint.number)\n" }
      if let interrupted = run.interrupted { again += "interrupted at step \(interrupted.number)\n" }
      #expect(StepsLog.run(in: again, job: Self.job, attempt: Self.attempt) == run, "\(text)")
      if !run.checkpoints.isEmpty { count += 1 }
    }
    #expect(count > 100)
  }

  @Test(arguments: Array(1...8) as [UInt64]) func recordsOfSteps(seed: UInt64) async {
    let good = [
      "S 1 w-1 1 1764100000.25\nE 1 1 1764100000.5\nC 1 1 1764100001.0\nI 1 1 1764100001.5\n",
      "S 2 w-2 2 1764100002.0\nE 2 2 1764100003.0\nF 2 - 1764100004.0\n", "X 3 5 1764100004.0\n",
    ]
    var count = 0
    await damaged(good, seed: seed) { text in
      let runs = StepRecord.runs(in: text, job: 7, origin: 1_764_100_000)
      #expect(zip(runs, runs.dropFirst()).allSatisfy { $0.attempt < $1.attempt } && runs.allSatisfy { $0.job == 7 })
      let lines = text.split(separator: "\n").count
      #expect(runs.reduce(0) { $0 + 1 + $1.steps.count + $1.checkpoints.count } <= lines, "\(text)")
      count += runs.count
    }
    #expect(count > 100)
  }

  @Test(arguments: Array(1...8) as [UInt64]) func aRecordIsReadAsItWasWritten(seed: UInt64) throws {
    let path = FileManager.default.temporaryDirectory.path + "/baton-record-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: path) }
    var random = SeededGenerator(seed: seed)
    let start = WallClock.now
    var runs: [ProgramRun] = []
    for attempt in 1...5 {
      let writer = try StepRecordWriter(path: path, attempt: attempt)
      var run = ProgramRun(
        job: 7, attempt: attempt, worker: "w-\(attempt)", first: Int.random(in: 1...9, using: &random))
      writer.started(worker: run.worker, first: run.first ?? 0)
      for step in 1...Int.random(in: 1...20, using: &random) {
        writer.executed(step)
        run.steps.append(.init(number: step))
        guard Bool.random(using: &random) else { continue }
        writer.saved(step)
        run.checkpoints.append(.init(number: step))
      }
      if Bool.random(using: &random) {
        writer.interrupted(at: 3)
        run.interrupted = .init(number: 3)
      } else {
        writer.finished()
        run.finishedAt = 0
      }
      runs.append(run)
    }
    var read = StepRecord.runs(in: try String(contentsOfFile: path, encoding: .utf8), job: 7, origin: start)
    #expect(!StepRecord.hasFailed(in: path))
    try StepRecordWriter(path: path, attempt: 6).failed(at: 1)
    #expect(StepRecord.hasFailed(in: path))
    for index in read.indices {
      #expect(read[index].steps.allSatisfy { (0.0...60.0).contains($0.at ?? -1) })
      // The times are not the test's.
      read[index].startedAt = nil
      if read[index].finishedAt != nil { read[index].finishedAt = 0 }
      read[index].interrupted?.at = nil
      for step in read[index].steps.indices { read[index].steps[step].at = nil }
      for mark in read[index].checkpoints.indices { read[index].checkpoints[mark].at = nil }
    }
    #expect(read == runs)
  }

  @Test(arguments: Array(1...8) as [UInt64]) func orders(seed: UInt64) async {
    let good = [
      String(decoding: StepOrder(job: Self.job, record: "/tmp/größe").json, as: UTF8.self),
      #"{"steps":10,"step_seconds":0.25,"checkpoint_every":3,"fail_once_at":4,"record":"r","more":[{"a":null}]}"#,
    ]
    var count = 0
    await damaged(good, seed: seed) { text in
      guard let order = try? StepOrder(json: Array(text.utf8)) else { return }
      count += 1
      #expect(order.steps >= 0 && order.checkpointEvery > 0 && (0.0...86_400.0).contains(order.stepSeconds))
      #expect((try? StepOrder(json: order.json)) == order, "\(text)")
    }
    #expect(count > 20)
  }

  @Test(arguments: Array(1...8) as [UInt64]) func linesOfLogs(seed: UInt64) async {
    let good = [
      #"{"ts":"2026-11-26T06:46:43.120Z","level":"info","message":"a job starts","job":"01a2","attempt":2}"#,
      #"{"message":"größe \u0041\n","address":"127.0.0.1:8080","renewed":true,"leases":["a"],"seconds":0.5}"#,
    ]
    var count = 0
    await damaged(good, seed: seed) { text in
      guard let line = LogLine(text) else { return }
      count += 1
      // Written again, with texts only, what was read is read again.
      var writer = JSONWriter()
      writer.object { writer in
        writer.field("message", line.message)
        for (name, value) in line.fields { writer.field(name, value) }
      }
      let again = LogLine(String(decoding: writer.bytes, as: UTF8.self))
      #expect(again?.message == line.message && again?.fields == line.fields, "\(text)")
    }
    #expect(count > 20 && LogLine("a job starts") == nil && LogLine("{}") == nil)
  }
}
