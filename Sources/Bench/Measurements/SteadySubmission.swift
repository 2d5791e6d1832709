import BatonJSON
import BatonShared
import NIOCore
import NIOPosix

/// Submits jobs that do nothing, at a steady rate, for others to work on.
struct SteadySubmission: Sendable {
  let target: WireTarget
  let queue: String
  /// Jobs a second.
  let rate: Double
  let seconds: Double

  /// Fifty requests a second at most: what submitting costs is not what is asked about.
  var batch: Int { min(5000, max(1, Int((rate / 50).rounded(.up)))) }

  /// - Returns: how many jobs were submitted.
  /// - Throws: `BenchError` where a submission is refused.
  func run() async throws -> Int {
    let requests = WorkRequests(target: target, queue: queue, batch: batch)
    let count = max(1, Int(rate * seconds / Double(batch)))
    let loop = MultiThreadedEventLoopGroup.singleton.next()
    return try await LoadGenerator.with(8, to: target, clock: CPUClock(), on: loop) { generator in
      let connections = generator.connections
      let answers = try await loop.submit {
        NIOLoopBound(AnswersLeft(count, expecting: 201, "a batch of jobs", on: loop), eventLoop: loop)
      }.get()
      let answered = try await withTaskCancellationHandler {
        try await loop.flatSubmit {
          let answers = answers.value
          let sender = PacedSender(
            connections, on: loop, rate: rate / Double(batch), count: count, request: { _ in requests.submit() },
            answer: { _, result in answers.take(result) })
          return answers.wait(for: sender)
        }.get()
      } onCancel: {
        loop.execute { answers.value.take(.failure(CancellationError())) }
      }
      return answered * batch
    }
  }
}
