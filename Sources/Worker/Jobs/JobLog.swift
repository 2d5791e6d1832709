import BatonShared
import Logging

/// What a job writes, on its way to the coordinator: in chunks, while the job runs, and never at the job's cost.
final class JobLog: Sendable {
  private struct Buffer: Sendable {
    var repair = UTF8Repair()
    var text: [UInt8] = []
    var dropped = 0
    var isClosed = false
    /// Sends what is written; started with the first of it, as most jobs write nothing.
    var shipping: Task<Void, Never>?
    /// Whether all has been sent that will be.
    var isShipped = false
    /// Whether the coordinator took the chunk before. While it does, a flood of output waits for it; while it does
    /// not, the oldest output gives way.
    var isFlowing = true
  }

  /// A chunk is sent once it has this many bytes, or once it is this old.
  static let chunkBytes = 64 * 1024
  static let chunkAge = Duration.seconds(1)
  /// The most bytes that wait.
  static let limit = 1024 * 1024

  private let run: LeaseRun
  private let client: CoordinatorClient
  private let logger: Logger
  private let buffer = Watched(Buffer())

  init(run: LeaseRun, client: CoordinatorClient, logger: Logger) {
    self.run = run
    self.client = client
    self.logger = logger
  }

  /// Adds what the job wrote; the oldest gives way when too much waits.
  func append(_ bytes: [UInt8]) {
    guard !bytes.isEmpty else { return }
    buffer.update { buffer in
      guard !buffer.isClosed else { return }
      if buffer.shipping == nil { buffer.shipping = Task { await ship() } }
      buffer.text.append(contentsOf: buffer.repair.feed(bytes))
      let excess = buffer.text.count - Self.limit
      guard excess > 0 else { return }
      // Cut behind a line end, so that neither a line nor a character is split.
      let cut = buffer.text[excess...].firstIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? buffer.text.count
      buffer.text.removeFirst(cut)
      buffer.dropped += cut
    }
  }

  /// Waits until there is room, as long as the coordinator takes what it is sent.
  func waitForRoom() async {
    _ = try? await buffer.first { $0.text.count < 4 * Self.chunkBytes || !$0.isFlowing || $0.isClosed }
  }

  /// No more will come.
  /// - Returns: Whether anything was written, so that there is something to ``finish(before:)``.
  func close() -> Bool {
    buffer.update { buffer in
      buffer.text.append(contentsOf: buffer.repair.finish())
      buffer.isClosed = true
      return buffer.shipping != nil
    }
  }

  /// Waits until all has been sent; at the deadline, which may change, the rest is given up.
  func finish(before deadline: () -> ContinuousClock.Instant) async {
    guard let shipping = buffer.read({ $0.shipping }) else { return }
    while true {
      // It may be now, whenever that is asked.
      let end = deadline()
      let isShipped = await buffer.first(before: min(end, .now + .milliseconds(100))) { $0.isShipped } != nil
      if isShipped || end <= .now || Task.isCancelled { break }
    }
    shipping.cancel()
  }

  /// Sends what is written until the log is closed and empty, or may not be sent any more.
  private func ship() async {
    defer { buffer.update { $0.isShipped = true } }
    var backoff = Backoff(base: 0.1, limit: 5)
    while (try? await buffer.first(where: { !$0.text.isEmpty || $0.isClosed })) != nil {
      _ = await buffer.first(before: .now + Self.chunkAge) { $0.text.count >= Self.chunkBytes || $0.isClosed }
      let (chunk, isLast) = takeChunk()
      if chunk.isEmpty, isLast { return }
      do {
        try await run.awaitTrust()
        try await client.appendLog(chunk, of: run.id, timeout: .seconds(10))
        buffer.update { $0.isFlowing = true }
        backoff.reset()
        if isLast { return }
      } catch let error as CoordinatorError where error.isTransient {
        // If it did arrive and only the answer was lost, it will be there twice: better than not at all.
        buffer.update { buffer in
          buffer.isFlowing = false
          buffer.text.insert(contentsOf: chunk, at: 0)
        }
        logger.debug("a part of a job's log was not taken", metadata: ["error": "\(error)"])
        let wait = backoff.next(atLeast: error.retryAfter)
        _ = await buffer.first(before: .now + wait) { $0.isClosed && !isLast }
        if Task.isCancelled { return }
      } catch {
        // Only the coordinator's own word: a lease that merely cannot be trusted may turn out to be in force.
        if case CoordinatorError.refused(let problem, _) = error, problem.knownCode == .leaseLost { run.halt(.lost) }
        return buffer.update { $0.isClosed = true }
      }
    }
  }

  private func takeChunk() -> (chunk: [UInt8], isLast: Bool) {
    buffer.update { buffer in
      var chunk: [UInt8] = []
      if buffer.dropped > 0 {
        chunk = Array("[… \(buffer.dropped) bytes of output were not kept …]\n".utf8)
        buffer.dropped = 0
      }
      chunk.append(contentsOf: buffer.text)
      buffer.text = []
      return (chunk, buffer.isClosed)
    }
  }
}
