import BatonTestSupport
import Testing

@testable import BatonDrill

/// A history may come from anywhere (`baton drill --check FILE`): whatever is in it, it is judged or refused.
@Suite(.serialized) struct HistoryFuzzTests: FaultHistories {
  private static let one = "01a20062-aa28-709f-83e0-62aba32bab94"
  private static let other = "01a20062-aa28-70a0-a0d8-69fff0d86e90"

  private static let numbers = [
    "0", "-1", "-0.0", "1e300", "-1e300", "9007199254740993", "9223372036854775807", "-9223372036854775808", "0.001",
    "7", "999999", "nan", "inf", "1e-320",
  ].map { Array($0.utf8) }

  private func replaceNumber(in line: inout [UInt8], _ random: inout SeededGenerator) {
    let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
    let runs = line.indices.split { !(digits.contains(line[$0]) || line[$0] == UInt8(ascii: ".")) }
    guard let run = runs.randomElement(using: &random), let first = run.first, let last = run.last else { return }
    line.replaceSubrange(first...last, with: Self.numbers.randomElement(using: &random) ?? [])
  }

  /// Judges a history again and again, each time with some of its lines damaged. Between any two, whoever else waits for a
  /// thread gets one: judging takes seconds in all.
  /// - Parameter others: Lines that are damaged as often as all of `lines` together.
  private func damage(_ lines: [String], beside others: [String] = [], rounds: Int = 500, seed: UInt64) async {
    var mutator = Mutator(random: SeededGenerator(seed: seed))
    var (judged, refused) = (0, 0)
    for _ in 0..<rounds {
      await Task.yield()
      var text = (lines + others).map { Array($0.utf8) }
      for _ in 0..<Int.random(in: 1...3, using: &mutator.random) {
        let isOther = !others.isEmpty && Bool.random(using: &mutator.random)
        let index = Int.random(in: isOther ? lines.count..<text.count : 0..<lines.count, using: &mutator.random)
        // Mostly what can still be read: other numbers.
        if Int.random(in: 0..<4, using: &mutator.random) == 0 {
          text[index] = mutator.mutate([text[index]])
        } else {
          replaceNumber(in: &text[index], &mutator.random)
        }
      }
      do {
        let verdict = try HistoryJudge.judge(Array(text.joined(separator: [UInt8(ascii: "\n")])))
        judged += 1
        #expect(!verdict.report().isEmpty)
      } catch {
        refused += 1
      }
    }
    #expect(judged > 10 && refused > 10, "\(judged) judged, \(refused) refused")
  }

  @Test(arguments: Array(1...8) as [UInt64]) func historiesOfInterruptions(seed: UInt64) async {
    var history = HistoryMaker()
    history.worker("a")
    history.killedWorker("b", at: 500)
    history.noticedWorker("c", at: 300, seconds: 120)
    history.accept(.hundredSteps())
    await damage(history.entries.map { String(decoding: $0.json, as: UTF8.self) }, seed: seed)
  }

  /// The good history of a fault, thinned out: every tenth job, and a question a second whether they are ready.
  @Test(arguments: Array(1...8) as [UInt64]) func historiesOfFaults(seed: UInt64) async {
    var events: [String] = []
    var story: [String] = []
    for entry in history().entries {
      let line = String(decoding: entry.json, as: UTF8.self)
      switch entry.event {
      case .accepted(let job, _): if job.index.isMultiple(of: 10) { events.append(line) }
      case .receipt(let job, _, _, _): if job.isMultiple(of: 10) { events.append(line) }
      case .ending(let ending): if ending.job.isMultiple(of: 10) { events.append(line) }
      case .given(_, let job, _), .answered(_, let job, _, _, _), .began(_, let job, _), .told(_, let job, _, _):
        if job.hasSuffix("0") { events.append(line) }
      case .read(let job, _, _, _, _): if job.isMultiple(of: 50) { events.append(line) }
      case .readiness(_, _, let sentAt): if sentAt == sentAt.rounded() { events.append(line) }
      default: story.append(line)
      }
    }
    story.append(
      contentsOf: [
        HistoryEntry(at: 10, event: .database(isThere: false)), HistoryEntry(at: 15, event: .database(isThere: true)),
        HistoryEntry(at: 16, event: .saved(worker: "worker-1-1", job: "id-150", attempt: 1, sequence: 2)),
        HistoryEntry(at: 17, event: .restored(worker: "worker-1-1", job: "id-150", attempt: 2, sequence: 1)),
        HistoryEntry(at: 18, event: .late(seconds: 0.2)), HistoryEntry(at: 19, event: .transaction(isOpen: true)),
      ].map { String(decoding: $0.json, as: UTF8.self) })
    await damage(story, beside: events, rounds: 100, seed: seed)
  }

  @Test(arguments: Array(1...8) as [UInt64]) func historiesOfVeryManyJobs(seed: UInt64) async {
    await damage(
      [
        "P 0.0 chaos 2", "A 1.0 \(Self.one) \(Self.other)", "F 1.5 crash before", "T 2.0 \(Self.one) 1 done",
        "F 2.5 crash begun", "L 2.6 0.25", "F 3.5 crash passed it did", "T 4.0 \(Self.other) 2 done",
        "F 9.5 crash over",
        "X 2.7 worker-1-1 killed signal 9", "O 10.0 done 2", "O 10.0 lost 1", "E 10.5 \(Self.one) done 1 0 1",
        "E 10.5 \(Self.other) done 2 0 2",
      ], seed: seed)
  }
}
