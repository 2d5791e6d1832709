import BatonShared
import Testing

@testable import BatonCommandLine

@Suite struct WatchTests {
  private func attempt(
    _ number: Int, _ worker: String, _ outcome: AttemptOutcome? = nil, reason: String? = nil, checkpoint: Int? = nil
  ) -> AttemptSnapshot {
    AttemptSnapshot(
      attempt: number, leaseID: LeaseID(), workerID: worker, capacityType: .spot, outcome: outcome, reason: reason,
      startedAt: Samples.now, endedAt: nil, checkpointSequence: checkpoint)
  }

  @Test func theStoryOfAnInterruptedJobIsToldOnce() {
    var narrator = WatchNarrator()
    let name = "\(Samples.id(1)) steps"
    func lines(_ job: JobSnapshot, _ attempts: [AttemptSnapshot] = []) -> [String] {
      narrator.lines([WatchedJob(job: job, attempts: attempts)])
    }
    #expect(lines(Samples.job()) == ["\(name) queued"])
    #expect(
      lines(Samples.job(1, .processing, attempt: 1, worker: "w1", fraction: 0.05))
        == ["\(name) attempt 1 on w1", "\(name) 5%"])
    #expect(lines(Samples.job(1, .processing, attempt: 1, worker: "w1", fraction: 0.08)) == [])
    #expect(
      lines(Samples.job(1, .processing, attempt: 1, worker: "w1", fraction: 0.42, message: "a\nb"))
        == ["\(name) 42% a b"])
    // The second attempt has saved another checkpoint before the next look.
    let handedOver = Samples.job(1, .processing, attempt: 2, worker: "w2", fraction: 0.65, checkpoint: 6) {
      $0.interruptions = 1
    }
    let attempts = [
      attempt(1, "w1", .interrupted, reason: "spot notice", checkpoint: 4), attempt(2, "w2", checkpoint: 6),
    ]
    #expect(
      lines(handedOver, attempts) == [
        "\(name) interrupted on w1 (spot notice), checkpoint 4 is kept", "\(name) attempt 2 on w2 from checkpoint 4",
        "\(name) 65%",
      ])
    #expect(lines(handedOver, attempts) == [])
    let done = Samples.job(1, .done, attempt: 2, worker: "w2", checkpoint: 6) { $0.interruptions = 1 }
    let ended = [attempts[0], attempt(2, "w2", .done, checkpoint: 6)]
    #expect(lines(done, ended) == ["\(name) done in 50s on w2, attempt 2"])
    #expect(lines(done, ended) == [])
  }

  @Test func attemptsThatNobodyLookedAtAreToldToo() {
    let before = WatchedJob(job: Samples.job(1, .processing, attempt: 1, worker: "a"))
    let now = WatchedJob(
      job: Samples.job(1, .queued, attempt: 2, worker: "b"),
      attempts: [
        attempt(1, "a", .lost, checkpoint: 2), attempt(2, "b", .failed, reason: "exit status 3", checkpoint: 2),
      ])
    #expect(
      JobNews.between(before, now).map(\.text) == [
        "lost with a, checkpoint 2 is kept", "attempt 2 on b from checkpoint 2",
        "failed on b (exit status 3), checkpoint 2 is kept",
      ])
    let next = WatchedJob(
      job: Samples.job(1, .processing, attempt: 3, worker: "a"), attempts: now.attempts + [attempt(3, "a")])
    #expect(JobNews.between(now, next).map(\.text) == ["attempt 3 on a from checkpoint 2"])
  }

  @Test func theFirstLookTellsNoHistory() {
    let job = WatchedJob(
      job: Samples.job(1, .processing, attempt: 2, worker: "b"),
      attempts: [attempt(1, "a", .interrupted, checkpoint: 2), attempt(2, "b")])
    #expect(JobNews.between(nil, job).map(\.text) == ["attempt 2 on b from checkpoint 2"])
    let failed = Samples.job(1, .failed, attempt: 1, worker: "w") {
      $0.error = .init(code: "exit_status", message: "3")
    }
    #expect(JobNews.between(nil, WatchedJob(job: failed)).map(\.text) == ["failed in 50s on w: exit_status: 3"])
  }

  @Test func attemptsAreAskedForOnlyWhenThereIsAStory() {
    let first = Samples.job(1, .processing, attempt: 1)
    #expect(!WatchedJob.needsAttempts(first, before: nil))
    let second = Samples.job(1, .processing, attempt: 2)
    #expect(WatchedJob.needsAttempts(second, before: first))
    #expect(!WatchedJob.needsAttempts(second, before: second))
    #expect(WatchedJob.needsAttempts(Samples.job(1, .queued, attempt: 1) { $0.losses = 1 }, before: first))
  }

  @Test func theScreenShowsRunningJobsFirstAndNeverOverflows() {
    var screen = WatchScreen(style: .plain)
    let jobs =
      (1...30).map { Samples.job($0) } + [
        Samples.job(
          31, .processing, attempt: 2, worker: "worker-1", fraction: 0.5, message: String(repeating: "語", count: 90))
      ]
    let (_, bars) = screen.lines(jobs.map { WatchedJob(job: $0) }, columns: 80, rows: 10, at: Samples.now)
    #expect(bars.count == 8)
    #expect(bars.allSatisfy { DisplayText.width($0) <= 80 })
    #expect(bars[0].hasPrefix("…000000000031  steps  ██████░░░░░░  50%  worker-1  attempt 2  語"))
    #expect(bars[1] == "…000000000001  steps  queued")
    #expect(bars.last == "30 queued · 1 processing · 24 not shown")
  }

  @Test func aFinishedJobLeavesTheBarsForALineThatStays() {
    var screen = WatchScreen(style: .plain)
    _ = screen.lines(
      [WatchedJob(job: Samples.job(1, .processing, attempt: 1, worker: "w"))], columns: 80, rows: 24, at: Samples.now)
    let (news, bars) = screen.lines(
      [WatchedJob(job: Samples.job(1, .done, attempt: 1, worker: "w"))], columns: 80, rows: 24, at: Samples.now)
    #expect(news == ["…000000000001  steps  done in 50s on w"])
    #expect(bars == [])
  }

  @Test func aWideTerminalShowsWholeIds() {
    var screen = WatchScreen(style: .plain)
    let (_, bars) = screen.lines([WatchedJob(job: Samples.job())], columns: 120, rows: 24, at: Samples.now)
    #expect(bars[0] == "\(Samples.id(1))  steps  queued")
  }
}

@Suite struct LogTailTests {
  private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

  @Test func onlyWhatIsNewIsReturned() {
    var tail = LogTail()
    #expect(tail.next(bytes("")) == [])
    #expect(tail.next(bytes("one\n")) == bytes("one\n"))
    #expect(tail.next(bytes("one\n")) == [])
    #expect(tail.next(bytes("one\ntwo\n")) == bytes("two\n"))
  }

  @Test func aLogThatLostItsBeginningGoesOnWhereItWas() {
    var tail = LogTail()
    let lines = (0..<2000).map { "line \($0)\n" }
    _ = tail.next(bytes(lines[..<1000].joined()))
    #expect(tail.next(bytes(lines[500..<1100].joined())) == bytes(lines[1000..<1100].joined()))
  }

  @Test func aGapIsSaid() {
    var tail = LogTail()
    _ = tail.next(bytes("one\n"))
    #expect(tail.next(bytes("seven\n")) == LogTail.gap + bytes("seven\n"))
  }
}
