import Foundation
import Testing

@testable import BatonDrill

@Suite struct StepProgramTests {
  private func inFolder<Result>(_ body: (String) async throws -> Result) async throws -> Result {
    let folder = NSTemporaryDirectory() + "/drill-test-\(UInt64.random(in: .min ... .max))"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    return try await body(folder)
  }

  private func run(_ folder: String, attempt: Int, steps: Int) async throws -> Int32 {
    let job = DrillJob(index: 3, kind: .exec, steps: steps, stepSeconds: 0.001, checkpointEvery: 4, behaviour: .auto)
    let environment = [
      "BATON_ATTEMPT": "\(attempt)", "BATON_CHECKPOINT_FILE": folder + "/checkpoint", "WORKER_NAME": "w1-1",
      "BATON_RESULT_FILE": folder + "/result", "BATON_PROGRESS_FILE": folder + "/progress",
    ]
    return try await StepProgram.run(
      input: StepOrder(job: job, record: folder + "/record").json, environment: environment)
  }

  @Test func itWritesDownEachStepAndLeavesItsCheckpointAndResult() async throws {
    try await inFolder { folder in
      #expect(try await run(folder, attempt: 1, steps: 10) == 0)
      let text = try String(contentsOfFile: folder + "/record", encoding: .utf8)
      let runs = StepRecord.runs(in: text, job: 3, origin: 0)
      #expect(runs.count == 1)
      #expect(runs[0].first == 1)
      #expect(runs[0].worker == "w1-1")
      #expect(runs[0].steps.map(\.number) == Array(1...10))
      #expect(runs[0].checkpoints.map(\.number) == [4, 8])
      #expect(runs[0].finishedAt != nil)
      #expect(try String(contentsOfFile: folder + "/checkpoint", encoding: .utf8) == "8")
      #expect(try String(contentsOfFile: folder + "/result", encoding: .utf8).contains(#""first_step":0"#))
    }
  }

  @Test func itGoesOnWhereTheCheckpointSays() async throws {
    try await inFolder { folder in
      _ = try await run(folder, attempt: 1, steps: 10)
      _ = try await run(folder, attempt: 2, steps: 12)
      let text = try String(contentsOfFile: folder + "/record", encoding: .utf8)
      let runs = StepRecord.runs(in: text, job: 3, origin: 0)
      #expect(runs.map(\.attempt) == [1, 2])
      #expect(runs[1].steps.map(\.number) == [9, 10, 11, 12])
    }
  }

  @Test func itFailsOnceWhereItIsToldTo() async throws {
    try await inFolder { folder in
      let job = DrillJob(
        index: 3, kind: .exec, steps: 6, stepSeconds: 0.001, checkpointEvery: 2, behaviour: .auto, fate: .failsOnce)
      let input = StepOrder(job: job, record: folder + "/record").json
      for (attempt, status) in [(1, Int32(1)), (2, 0)] {
        let environment = [
          "BATON_ATTEMPT": "\(attempt)", "BATON_CHECKPOINT_FILE": folder + "/checkpoint", "WORKER_NAME": "w1-1",
        ]
        #expect(try await StepProgram.run(input: input, environment: environment) == status)
      }
      let runs = StepRecord.runs(in: try String(contentsOfFile: folder + "/record", encoding: .utf8), job: 3, origin: 0)
      #expect(runs.map { $0.steps.map(\.number) } == [[1, 2], [3, 4, 5, 6]])
    }
  }

  @Test func linesThatWereCutOffAreNoSteps() {
    let text = "S 1 w1-1 1 100.5\nE 1 1 100.75\nE 1 2 101\nE 1"
    let runs = StepRecord.runs(in: text, job: 0, origin: 100)
    #expect(runs[0].steps == [.init(number: 1, at: 0.75), .init(number: 2, at: 1)])
    #expect(runs[0].finishedAt == nil)
  }
}
