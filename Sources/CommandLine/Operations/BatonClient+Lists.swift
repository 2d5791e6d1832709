import BatonClient
import BatonShared

extension BatonClient {
  /// All workers, the newest first, however many pages they fill.
  func allWorkers() async throws -> [WorkerSnapshot] {
    try await all { cursor in
      let page = try await send(.workers(cursor: cursor))
      return (page.workers, page.nextCursor)
    }
  }

  /// All queues by name.
  func allQueues() async throws -> [QueueSnapshot] {
    try await all { cursor in
      let page = try await send(.queues(cursor: cursor))
      return (page.queues, page.nextCursor)
    }
  }

  /// All attempts at a job, the oldest first.
  /// - Parameter seen: Is given each page as it came.
  func allAttempts(of id: JobID, seen: ([UInt8]) -> Void = { _ in }) async throws -> [AttemptSnapshot] {
    try await all { cursor in
      let request = APIRequest.attempts(id, cursor: cursor)
      let answer = try await answer(to: request)
      let page = try request.answer(from: answer)
      seen(answer.body)
      return (page.attempts, page.nextCursor)
    }
  }

  private func all<Entry>(_ page: (_ cursor: String?) async throws -> ([Entry], String?)) async throws -> [Entry] {
    var (entries, cursor) = try await page(nil)
    while let next = cursor {
      let more: [Entry]
      (more, cursor) = try await page(next)
      entries += more
    }
    return entries
  }
}
