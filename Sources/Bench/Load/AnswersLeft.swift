import NIOCore

/// Counts the answers that are still to come; lives on one event loop.
final class AnswersLeft {
  private let count: Int
  private let status: Int
  private let what: String
  private var left: Int
  private var isOver = false
  /// Held until the last answer is there.
  private var sender: PacedSender?
  private let done: EventLoopPromise<Int>

  /// - Parameters:
  ///   - status: Of every answer.
  ///   - what: What is asked for, for an error's text.
  init(_ count: Int, expecting status: Int, _ what: String, on loop: any EventLoop) {
    self.count = count
    self.status = status
    self.what = what
    left = count
    done = loop.makePromise()
  }

  /// Begins.
  /// - Returns: how many were answered, once all were; fails with the first that was not as it ought to be.
  func wait(for sender: PacedSender) -> EventLoopFuture<Int> {
    if !isOver {
      self.sender = sender
      sender.begin(after: .zero)
    }
    return done.futureResult
  }

  func take(_ result: Result<WireReply, any Error>) {
    guard !isOver else { return }
    do {
      try result.get().expect(status, what)
      left -= 1
      guard left == 0 else { return }
      done.succeed(count)
    } catch {
      done.fail(error)
    }
    isOver = true
    sender?.stop()
    sender = nil
  }
}
