import BatonJSON
import Testing

@testable import BatonDrill

/// What is written into a history's file reads back as the same.
@Suite struct HistoryJSONTests {
  @Test func everyEventReadsBackAsItWasWritten() throws {
    let job = DrillJob.hundredSteps(3, kind: .steps, behaviour: .checkpoint)
    var meant = job
    meant.fate = .failsOnce
    var run = ProgramRun.steady(2, on: "a", from: 1, steps: 1...4, interrupted: true)
    run.checkpoints.append(.init(number: 3, at: nil))
    let attempt = JobEnding.Attempt(
      number: 1, worker: "a", outcome: "lost", reason: "why", startedAt: 1.5, endedAt: nil)
    let events: [HistoryEvent] = [
      .fleet(coordinators: ["coordinator-1", "coordinator-2"], workers: ["worker-1"]),
      .receipt(job: 3, id: "id-3", from: "coordinator-2", sentAt: 0.75), .givenUp(job: 4, reason: "no answer"),
      .cancelAnswered(job: 4, answer: "conflict"), .database(isThere: false), .database(isThere: true),
      .readiness(coordinator: "coordinator-1", status: 503, sentAt: 1.5),
      .readiness(coordinator: "coordinator-1", status: nil, sentAt: 1.5),
      .read(job: 3, status: "processing", attempt: 2, from: "coordinator-1", sentAt: 1.5),
      .given(worker: "a", job: "id-3", attempt: 2),
      .answered(worker: "a", job: "id-3", attempt: 2, .held, sentAt: 1.5),
      .answered(worker: "a", job: "id-3", attempt: 2, .lost, sentAt: 1.5),
      .restored(worker: "a", job: "id-3", attempt: 2, sequence: 4),
      .saved(worker: "a", job: "id-3", attempt: 2, sequence: 5),
      .programEnded("coordinator-1-2", .signalled(9), .killed), .programEnded("worker-1-1", .exited(1), .none),
      .programEnded("worker-1-1", .exited(0), .told), .programEnded("worker-1-1", .signalled(9), .overdue),
      .refused(.submission, status: 503, from: "coordinator-1", saysWhen: true, sentAt: 1.5),
      .refused(.cancellation, status: 500, from: "coordinator-1", saysWhen: false, sentAt: 1.5),
      .lease(seconds: 2.5), .counted(jobs: 12), .transaction(isOpen: true), .transaction(isOpen: false),
      .began(worker: "a", job: "id-3", attempt: 2),
      .accepted(meant, id: "id-4"),
      .accepted(job, id: "id-3"), .workerStarted("a"), .workerReady("a"), .workerEnded("a", .exited(0)),
      .workerEnded("a", .signalled(9)), .workerEnded("a", .notStarted("no such file")),
      .fault(number: 4, .notice, worker: "a", deadline: 12.25), .fault(number: 5, .kill, worker: "a", deadline: nil),
      .drainSeen(worker: "a", source: "ec2_spot"), .killed(worker: "a", isOverdue: true), .suspended(worker: "a"),
      .resumed(worker: "a"), .told(worker: "a", job: "id-3", attempt: 2, "done"), .late(seconds: 0.5),
      .left(processes: 2), .run(run),
      .ending(JobEnding(job: 3, id: "id-3", status: "done", error: "none", attempts: [attempt])),
      .phase(fault: "failover", .before), .phase(fault: "failover", .passed(evidence: "it was")),
      .phase(fault: "failover", .begun), .phase(fault: "failover", .settled),
      .phase(fault: "failover", .skipped(reason: "why")), .phase(fault: "failover", .over),
    ]
    for event in events {
      let entry = HistoryEntry(at: 1.25, event: event)
      #expect("\(try HistoryEntry(json: entry.json))" == "\(entry)")
    }
  }

  @Test func aHistoryIsJudgedFromItsFileAsFromMemory() throws {
    var history = HistoryMaker()
    history.worker("a")
    history.accept(.hundredSteps())
    let text = history.entries.flatMap { $0.json + [UInt8(ascii: "\n")] }
    let judged = try HistoryJudge.judge(text)
    #expect(judged.violations == history.verdict.violations)
    #expect(!judged.violations.isEmpty)
  }

  @Test func whatIsNoHistoryIsRefused() {
    #expect(throws: JSONError.self) { try HistoryJudge.judge(Array(#"{"at":1,"event":"nonsense"}"#.utf8)) }
  }
}
