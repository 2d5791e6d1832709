import BatonThreads

/// The plainest group commit there is: what comes while a statement is at the database is in the next one. No bound, no
/// time-out, no fairness, no waiting for what is just arriving, and an error is everybody's.
final class GroupCommit<Item: Sendable, Outcome: Sendable>: Sendable {
  private typealias Request = (item: Item, reply: CheckedContinuation<Outcome, any Error>)

  private struct State: Sendable {
    var waiting: [Request] = []
    var isOneAway = false
  }

  private let perform: @Sendable ([Item]) async throws -> [Outcome]
  private let state = Lock(State())

  /// - Parameter perform: Carries out some items and returns an outcome for each, in order.
  init(perform: @escaping @Sendable ([Item]) async throws -> [Outcome]) {
    self.perform = perform
  }

  var waitingCount: Int { state.withLock { $0.waiting.count } }

  func submit(_ item: Item) async throws -> Outcome {
    try await withCheckedThrowingContinuation { reply in
      let begins = state.withLock { state in
        state.waiting.append((item, reply))
        defer { state.isOneAway = true }
        return !state.isOneAway
      }
      // Nobody waits for it but those whose requests it answers; it ends when there are none.
      if begins { Task { await carryOutAll() } }
    }
  }

  @concurrent private func carryOutAll() async {
    while let batch = next() {
      do {
        let outcomes = try await perform(batch.map(\.item))
        precondition(outcomes.count == batch.count, "an outcome for each item")
        for (request, outcome) in zip(batch, outcomes) { request.reply.resume(returning: outcome) }
      } catch {
        for request in batch { request.reply.resume(throwing: error) }
      }
    }
  }

  private func next() -> [Request]? {
    state.withLock { state in
      guard !state.waiting.isEmpty else {
        state.isOneAway = false
        return nil
      }
      defer { state.waiting = [] }
      return state.waiting
    }
  }
}
