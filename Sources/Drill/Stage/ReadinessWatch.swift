import BatonClient
import BatonShared

/// Asks a coordinator again and again whether it is ready, as a load balancer does.
struct ReadinessWatch: Sendable {
  /// How long it waits for an answer, in seconds.
  static let patience = 4.0
  /// From an answer to the next question, in seconds.
  private static let pause = 0.25

  let coordinator: String
  let address: String
  let recorder: HistoryRecorder

  func run(until isOver: Occurrence<Void>) async throws {
    let configuration = BatonClient.Configuration(
      address: address, timeout: .seconds(Self.patience), connections: 1)
    try await BatonClient.with(configuration) { client in
      while isOver.value == nil, !Task.isCancelled {
        let sentAt = recorder.now
        let status = await status(client)
        // A question that was cut short has no answer.
        if Task.isCancelled { return }
        recorder.record(.readiness(coordinator: coordinator, status: status, sentAt: sentAt))
        await isOver.wait(seconds: Self.pause)
      }
    }
  }

  private func status(_ client: BatonClient) async -> Int? {
    do {
      try await client.send(.ready())
      return 200
    } catch let problem as Problem {
      return problem.status
    } catch {
      return nil
    }
  }
}
