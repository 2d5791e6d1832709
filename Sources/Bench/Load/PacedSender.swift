import NIOCore

/// Sends requests by the clock, whether the last one has been answered or not. Lives on one event loop.
///
/// A request that finds no idle connection waits for one. As each has a moment at which it was due, and is timed from
/// that, a coordinator that stalls cannot hide it.
final class PacedSender {
  typealias Answer = (_ number: Int, _ result: Result<WireReply, any Error>) -> Void

  private let loop: any EventLoop
  /// The one that has been idle for longest is next: a server closes those that are idle for too long.
  private var idle: CircularBuffer<WireConnection>
  private let interval: TimeAmount
  private let count: Int
  private let request: (Int) -> ByteBuffer
  private let answer: Answer
  private var start = NIODeadline.now()
  private var startInstant = ContinuousClock.now
  private var next = 0
  private var waiting = CircularBuffer<Int>()
  private var isStopped = false

  /// - Parameters:
  ///   - rate: Requests a second.
  ///   - count: How many requests in all.
  ///   - request: Makes the request of that number; they count from 0.
  ///   - answer: Called on the event loop with the answer to each.
  init(
    _ connections: [WireConnection], on loop: any EventLoop, rate: Double, count: Int,
    request: @escaping (Int) -> ByteBuffer, answer: @escaping Answer
  ) {
    self.loop = loop
    idle = CircularBuffer(connections)
    interval = .nanoseconds(Int64(1e9 / rate))
    self.count = count
    self.request = request
    self.answer = answer
  }

  /// Sends the first after `delay`. To be called on the event loop.
  func begin(after delay: TimeAmount) {
    start = .now() + delay
    startInstant = .now + .nanoseconds(delay.nanoseconds)
    schedule()
  }

  /// Sends no more.
  func stop() { isStopped = true }

  /// When the request of that number was to be sent.
  func due(_ number: Int) -> ContinuousClock.Instant {
    startInstant + .nanoseconds(interval.nanoseconds * Int64(number))
  }

  private func schedule() {
    guard next < count else { return }
    let deadline = start + .nanoseconds(interval.nanoseconds * Int64(next))
    loop.assumeIsolated().scheduleTask(deadline: deadline) { self.sendAllDue() }
  }

  private func sendAllDue() {
    // The timer may be late, and several be due.
    let now = NIODeadline.now()
    while !isStopped, next < count, start + .nanoseconds(interval.nanoseconds * Int64(next)) <= now {
      if let connection = idle.popFirst() { send(next, connection) } else { waiting.append(next) }
      next += 1
    }
    if !isStopped { schedule() }
  }

  private func send(_ number: Int, _ connection: WireConnection) {
    connection.send(request(number)) { result in
      if case .success = result {
        if let next = self.waiting.popFirst(), !self.isStopped {
          self.send(next, connection)
        } else {
          self.idle.append(connection)
        }
      }
      self.answer(number, result)
    }
  }
}
