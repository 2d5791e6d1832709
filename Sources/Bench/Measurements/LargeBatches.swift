import NIOCore
import NIOPosix
import Synchronization

/// Somebody who submits large batches of jobs, each as soon as the one before on its connection is answered.
final class LargeBatches: Sendable {
  private let requests: WorkRequests
  private let connections: Int
  private let isOver = Atomic(false)

  /// - Parameters:
  ///   - queue: Where they go; nobody is to lease from there.
  ///   - batch: Jobs a request.
  init(target: WireTarget, queue: String, batch: Int, connections: Int) {
    requests = WorkRequests(target: target, queue: queue, batch: batch)
    self.connections = connections
  }

  /// Submits until ``stop()``.
  /// - Throws: `BenchError` where a submission is refused.
  func run() async throws -> LoadResult {
    let loop = MultiThreadedEventLoopGroup.singleton.next()
    return try await LoadGenerator.with(connections, to: requests.target, clock: CPUClock(), on: loop) { generator in
      try await generator.run { [requests] _ in
        EndlessSubmitScript(requests) { self.isOver.load(ordering: .relaxed) }
      }
    }
  }

  /// The batches under way are the last.
  func stop() { isOver.store(true, ordering: .relaxed) }
}

/// Submits until it is told that it is over.
private final class EndlessSubmitScript: LoadScript {
  private let requests: WorkRequests
  private let isOver: () -> Bool

  init(_ requests: WorkRequests, until isOver: @escaping () -> Bool) {
    self.requests = requests
    self.isOver = isOver
  }

  func next() -> ByteBuffer? { isOver() ? nil : requests.submit() }

  func take(_ reply: WireReply) throws -> Int {
    try reply.expect(201, "a batch of jobs")
    return requests.batch
  }
}
