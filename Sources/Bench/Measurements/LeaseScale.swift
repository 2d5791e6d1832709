import BatonJSON
import BatonShared
import NIOCore
import NIOPosix

/// What a lease costs with many jobs in the database, and with few.
///
/// There are two databases on one server, a small one and a large one, each with a coordinator. What is leased in one is
/// leased in the other right after it, so both meet the same machine in the same mood.
struct LeaseScale: Sendable {
  /// How work is asked for.
  struct Load: Sendable, Hashable {
    /// Leases of one request.
    var batch: Int
    /// From several queues with jobs of several priorities, or from one queue of equals.
    var isSpread: Bool

    static let all = [false, true].flatMap { isSpread in [1, 100].map { Load(batch: $0, isSpread: isSpread) } }

    /// How many times in a round ``LeaseScale/jobs`` are leased.
    var pieces: Int { batch == 1 ? 2 : 10 }
  }

  /// A database and the coordinator on it.
  struct Subject: Sendable {
    var backlog: Backlog
    var target: WireTarget
    var clock: CPUClock
  }

  /// What the small one is filled with before each round.
  static let smallSize = Backlog.Size(queued: 1000, finished: 0)
  let small: Subject
  let large: Subject
  let worker: String
  /// Jobs leased, settled and replaced at a time. Processor time is told in hundredths of a second, so it takes many of
  /// them; no more than half of the small backlog, so that it stays one.
  var jobs = 500

  /// What the rounds found under one load, an entry a round.
  struct Outcome: Sendable {
    var load: Load
    var small: [LoadResult] = []
    var large: [LoadResult] = []
  }

  func run(rounds: Int, progress: @Sendable (Int) -> Void) async throws -> [Outcome] {
    var outcomes = Load.all.map { Outcome(load: $0) }
    for round in 0...rounds {
      progress(round)
      try await small.backlog.reset(to: Self.smallSize)
      for (index, load) in Load.all.enumerated() {
        var (few, many) = (LoadResult(), LoadResult())
        for _ in 0..<load.pieces {
          few.add(try await lease(load, from: small))
          many.add(try await lease(load, from: large))
        }
        // The first round is for plans and caches.
        guard round > 0 else { continue }
        outcomes[index].small.append(few)
        outcomes[index].large.append(many)
      }
    }
    return outcomes
  }

  /// Leases some jobs, which is measured, settles them and puts others in their place.
  private func lease(_ load: Load, from subject: Subject) async throws -> LoadResult {
    let backlog = subject.backlog
    let queues = load.isSpread ? backlog.spreadQueues : [backlog.queue]
    let jobs = (0..<self.jobs).map { number in
      JobSubmission(
        kind: "noop", payload: RawJSON(trusted: Array(#"{"n":1}"#.utf8)), queue: queues[number % queues.count],
        priority: load.isSpread ? number / queues.count % Backlog.priorities : 0)
    }
    let requests = WorkRequests(target: subject.target, queues: queues, jobs: Array(jobs.prefix(load.batch)))
    let others = WorkRequests(target: subject.target, queues: queues, jobs: jobs)
    let loop = MultiThreadedEventLoopGroup.singleton.next()
    return try await LoadGenerator.with(1, to: subject.target, clock: subject.clock, on: loop) { generator in
      let basket = LeaseBasket()
      let result = try await generator.run { _ in
        LeaseScript(requests, worker: worker, jobs: self.jobs, into: basket)
      }
      let leases = basket.takeAll()
      _ = try await generator.run { _ in SettleScript(others, leases: leases) }
      _ = try await generator.run { _ in SubmitScript(others, jobs: self.jobs) }
      return result
    }
  }
}
