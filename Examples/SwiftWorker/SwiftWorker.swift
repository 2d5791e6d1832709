import BatonWorker

/// A worker with a handler of its own: it adds up the squares from 1 to `limit`, and goes on from its checkpoint when
/// the instance it ran on was taken away.
///
/// Submit a job for it with `baton submit squares '{"limit": 1000}'`, or
/// `curl localhost:8080/jobs -d '{"kind": "squares", "payload": {"limit": 1000}}'`.
@main
struct SwiftWorker {
  struct Order: Decodable {
    let limit: Int
  }

  static func main() async throws {
    let squares = ClosureHandler("squares") { job in
      let order: Order = try job.decode()
      var state = try await SumOfSquares(checkpoint: job.checkpoint())
      while state.next <= order.limit {
        if job.interruption.isRequested {
          try await job.saveCheckpoint(state.checkpoint)
          throw JobInterrupted()
        }
        state.step()
        job.reportProgress(Double(state.next) / Double(order.limit))
        try await Task.sleep(for: .milliseconds(10))
      }
      return state.sum
    }
    try await Worker(configuration: .fromEnvironment(), handlers: [squares]).run()
  }
}
