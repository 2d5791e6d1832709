import BatonShared
import Testing

@testable import BatonDrill

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Histories of very many jobs, made by hand: the good are found good, and each bad one bad for its own reason.
@Suite struct StreamCheckTests {
  private struct Story {
    var entries: [StreamEntry] = []
    let ids: [JobID]

    mutating func at(_ time: Double, _ events: StreamEvent...) {
      entries += events.map { StreamEntry(at: time, event: $0) }
    }

    var verdict: StreamVerdict {
      var check = StreamCheck()
      for entry in entries { check.take(entry) }
      return check.verdict()
    }

    /// What becomes of one job is changed.
    mutating func replaceEnding(of index: Int, _ change: (inout StreamEnding) -> Void) {
      for position in entries.indices {
        guard case .ending(var ending) = entries[position].event, ending.id == ids[index] else { continue }
        change(&ending)
        entries[position].event = .ending(ending)
      }
    }

    mutating func remove(where condition: (StreamEvent) -> Bool) { entries.removeAll { condition($0.event) } }
  }

  private let fault = "postgres-fast"

  /// Ten jobs a second from 0 to 40, done as they come; a fault from 10 to 12, and what the database says in the end.
  ///
  /// - Parameter rest: Whether a job that would be done at this time is.
  private func story(measured: Bool = true, done: (Double) -> Bool = { _ in true }) -> Story {
    let generator = JobIDGenerator()
    var story = Story(ids: (0..<400).map { _ in generator.next() })
    story.at(0, .plan(scenario: "chaos", jobs: 400))
    story.at(0, .accepted(Array(story.ids[..<250])), .accepted(Array(story.ids[250...])))
    if measured { story.at(5, .phase(fault: fault, .before)) }
    story.at(10, .phase(fault: fault, .begun))
    story.at(12, .phase(fault: fault, .passed(evidence: "it was away")))
    if measured { story.at(35, .phase(fault: fault, .over)) }
    for (index, id) in story.ids.enumerated() {
      let time = Double(index) / 10
      // What is not done when it should be is done at the very end.
      story.at(done(time) ? time : 90, .told(id, attempt: 1, "done"))
      story.at(100, .ending(StreamEnding(id: id, status: "done", attempts: 1, open: 0, done: [1])))
    }
    story.at(100, .attempts(outcome: "done", count: 400))
    story.at(11, .programEnded("coordinator-1-1", .signalled(9), .killed))
    story.at(101, .programEnded("coordinator-1-2", .exited(0), .told))
    return story
  }

  private func expect(
    _ story: Story, violates words: String, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let violations = story.verdict.violations
    #expect(violations.contains { $0.contains(words) }, "\(violations)", sourceLocation: sourceLocation)
  }

  @Test func aFaultThatNobodyNoticedIsGood() throws {
    let verdict = story().verdict
    #expect(verdict.violations == [])
    #expect(verdict.remarks == [])
    #expect(verdict.counts == .init(accepted: 400, done: 400, attempts: 400))
    let row = try #require(verdict.rows.first)
    #expect(row.fault == fault)
    #expect(abs(row.before - 10) < 0.3 && abs(row.after - 10) < 0.3)
    #expect(row.recovery == 2, "the first two seconds at the former rate")
  }

  @Test func manyFaultsAreCounted() {
    var story = story(measured: false)
    story.at(20, .phase(fault: fault, .begun))
    // Another one at the same time.
    story.at(21, .phase(fault: "worker-sigkill", .begun))
    story.at(22, .phase(fault: "worker-sigkill", .skipped(reason: "it did not happen")))
    story.at(23, .phase(fault: fault, .passed(evidence: "")))
    let verdict = story.verdict
    #expect(verdict.violations == [])
    #expect(verdict.rows == [])
    #expect(verdict.mixed[fault] == .init(count: 2, seconds: 5, skipped: 0))
    #expect(verdict.mixed["worker-sigkill"] == .init(count: 0, seconds: 0, skipped: 1))
  }

  @Test func aRateThatStaysBelowIsFound() {
    // One in ten is missing from 12 on.
    expect(story { $0 < 12 || Int(($0 * 10).rounded()) % 10 != 0 }, violates: "the rate afterwards is 90 %")
  }

  @Test func aRateThatIsLittleBelowIsNot() {
    #expect(story { $0 < 12 || Int(($0 * 10).rounded()) % 50 != 0 }.verdict.violations == [])
  }

  @Test func onlyALateMachineExcusesALowRate() {
    var excused = story { $0 < 12 || Int(($0 * 10).rounded()) % 10 != 0 }
    excused.at(30, .late(seconds: 2))
    #expect(excused.verdict.violations == [])
    #expect(excused.verdict.remarks.count == 1)
    var earlier = story { $0 < 12 || Int(($0 * 10).rounded()) % 10 != 0 }
    earlier.at(7, .late(seconds: 1.5))
    expect(earlier, violates: "the rate afterwards")
  }

  @Test func theRecoveryIsCountedFromTheEndOfTheFault() throws {
    let row = try #require(story { $0 < 10 || $0 > 18 }.verdict.rows.first)
    let recovery = try #require(row.recovery)
    #expect((7.9...8.3).contains(recovery), "\(recovery)")
  }

  @Test func anAcceptedJobThatIsGoneIsFound() {
    var story = story()
    let gone = story.ids[7]
    story.remove { if case .ending(let ending) = $0 { ending.id == gone } else { false } }
    #expect(story.verdict.counts.lost == 1)
    expect(story, violates: "1 jobs: each is lost: the database knows nothing of it (\(gone))")
  }

  @Test func aJobThatHasNotEndedIsLost() {
    var story = story()
    story.replaceEnding(of: 7) { ending in
      ending.status = "processing"
      ending.open = 1
      ending.done = []
    }
    let silent = story.ids[7]
    story.remove { if case .told(silent, _, _) = $0 { true } else { false } }
    #expect(story.verdict.counts.lost == 1)
    expect(story, violates: "it has not come to an end")
    expect(story, violates: "an attempt without an outcome")
  }

  @Test func aFailedJobIsFound() {
    var story = story()
    story.replaceEnding(of: 7) { $0.status = "failed" }
    #expect(story.verdict.counts.failed == 1)
    expect(story, violates: "has failed or was cancelled")
  }

  @Test func twoWorkersThatWereBothToldDoneAreFound() {
    var story = story()
    story.at(13, .told(story.ids[7], attempt: 2, "done"))
    #expect(story.verdict.counts.doubleSettled == 1)
    expect(story, violates: "was settled more than once")
  }

  @Test func twoAttemptsOnRecordAsDoneAreFound() {
    var story = story()
    story.replaceEnding(of: 7) { $0.done = [1, 2] }
    expect(story, violates: "was settled more than once")
  }

  @Test func anOutcomeThatWasAcceptedAndIsNotOnRecordIsFound() {
    var story = story()
    story.replaceEnding(of: 7) { $0.done = [2] }
    expect(story, violates: "otherwise than its worker was told")
  }

  @Test func anOutcomeOfAJobThatIsNotThereIsFound() {
    var story = story()
    story.at(13, .told(JobIDGenerator().next(), attempt: 1, "done"))
    #expect(story.verdict.counts.lost == 1)
  }

  @Test func theSameWordToldAgainAndARefusalAreNoSettlement() {
    var story = story()
    story.at(13, .told(story.ids[7], attempt: 1, "done"), .told(story.ids[8], attempt: 2, "refused"))
    #expect(story.verdict.violations == [])
  }

  @Test func aJobThatIsDoneByNoAttemptIsFound() {
    var story = story()
    story.replaceEnding(of: 7) { $0.done = [] }
    let silent = story.ids[7]
    story.remove { if case .told(silent, _, _) = $0 { true } else { false } }
    expect(story, violates: "none of its attempts is")
  }

  @Test func aWorkerThatDiedBeforeItCouldSayWhatItWasToldIsNoFinding() {
    var story = story()
    let silent = story.ids[7]
    story.remove { if case .told(silent, _, _) = $0 { true } else { false } }
    #expect(story.verdict.violations == [])
  }

  @Test func twoReceiptsForOneJobAreFound() {
    var story = story()
    story.at(3, .accepted([story.ids[7]]))
    expect(story, violates: "stands in two receipts")
  }

  @Test func jobsBeyondTheReceiptsHaveToBeDoneOnceAsWell() {
    var story = story()
    let unanswered = JobIDGenerator().next()
    story.at(100, .ending(StreamEnding(id: unanswered, status: "done", attempts: 1, open: 0, done: [1])))
    #expect(story.verdict.violations == [])
    #expect(story.verdict.counts.beyond == 1)
    story.at(100, .ending(StreamEnding(id: unanswered, status: "queued", attempts: 1, open: 0, done: [])))
    expect(story, violates: "it has not come to an end")
  }

  @Test func fewerJobsThanPlannedAreFound() {
    var story = story()
    story.remove { if case .accepted(let ids) = $0 { ids.count == 150 } else { false } }
    expect(story, violates: "250 jobs were accepted, not the 400 of the plan")
  }

  @Test func aFaultThatDidNotHappenIsFound() {
    var story = story()
    story.remove { if case .phase(_, .passed) = $0 { true } else { false } }
    expect(story, violates: "did not come to its end")
    story.remove { if case .phase = $0 { true } else { false } }
    expect(story, violates: "no fault happened")
    story.at(20, .phase(fault: "crash", .begun), .phase(fault: "crash", .skipped(reason: "it did not happen")))
    expect(story, violates: "no fault happened")
  }

  @Test func nothingDoneBeforeAFaultIsFound() {
    expect(story { $0 >= 10 }, violates: "nothing was done before")
  }

  // MARK: On paper

  @Test func aHistoryReadsAsItWasWritten() throws {
    var story = story()
    story.at(41.5, .late(seconds: 0.25), .told(story.ids[0], attempt: 3, "refused"))
    story.at(41.6, .programEnded("worker-1-1", .exited(1), .none))
    story.at(42, .phase(fault: "crash", .skipped(reason: "two\nlines")), .phase(fault: "crash", .passed(evidence: "")))
    story.replaceEnding(of: 3) { $0.done = [] }
    for entry in story.entries {
      var expected = entry
      if case .phase("crash", .skipped) = entry.event {
        expected.event = .phase(fault: "crash", .skipped(reason: "two lines"))
      }
      #expect(StreamEntry(line: entry.line) == expected, "\(entry.line)")
    }
    let text = story.entries.map(\.line).joined(separator: "\n")
    #expect(StreamHistory.begins(text.utf8))
    let verdict = try StreamHistory.judge(Array(text.utf8))
    #expect(verdict.report() == story.verdict.report())
    #expect(verdict.violations == story.verdict.violations)
    #expect(try HistoryJudge.judge(Array(text.utf8)).violations == verdict.violations)
  }

  @Test(arguments: [
    "", "X 1 2", "A 1 not-an-id", "T 1 x 1 done", "E 1 2 3", "P x y 1", "O 1 done x",
    "X 1 worker-1-1 bored exit status 0",
  ])
  func whatIsNoHistoryIsRefused(line: String) {
    #expect(StreamEntry(line: line) == nil)
  }

  @Test func aFileIsReadLineByLineHoweverLongItIs() throws {
    let path = "/tmp/stream-history-\(UInt64.random(in: .min ... .max)).txt"
    let recorder = try StreamRecorder(path: path)
    let generator = JobIDGenerator()
    recorder.record(.plan(scenario: "million", jobs: 60_000))
    // More than is read at a time.
    for _ in 0..<60 {
      let ids = (0..<1000).map { _ in generator.next() }
      recorder.record(.accepted(ids))
    }
    recorder.flush()
    var lines = 0
    var ids = 0
    try StreamHistory.forEachLine(path: path) { line in
      lines += 1
      let entry = StreamEntry(line: String(decoding: line, as: UTF8.self))
      if case .accepted(let some)? = entry?.event { ids += some.count }
    }
    #expect(lines == 61)
    #expect(ids == 60_000)
    #expect(recorder.counts == (60_000, 0))
    #expect(remove(path) == 0)
  }
}
