/// Tasks that carry out batches one after the other, and rest while there are none. Kept behind its owner's lock.
struct BatchLanes: Sendable {
  /// A lane that rests; whoever gets it resumes it, outside of the lock.
  typealias Lane = CheckedContinuation<Void, Never>

  /// What a lane does next.
  enum Turn: Sendable {
    /// Waits for what is just arriving, and then has another turn.
    case gather
    case take
    case rest
    case end
  }

  /// A batch for fewer requests waits for those that are just arriving. With six, single requests of one sort were
  /// faster than when all wait, and mixed ones than when none does; see docs/performance.md.
  private static let fewRequests = 6

  private var resting: [Lane] = []
  /// Whether a lane gathers: then it takes the next batch, and no other.
  private var isGathering = false
  /// Whether the last batch was for more than one request: only then, or if several wait already, others are waited for.
  var isBusy = false
  private(set) var isClosed = false

  /// A lane asks what to do.
  /// - Parameters:
  ///   - hasGathered: Whether it was told to gather, and has.
  ///   - isDue: Whether there is a batch to take.
  ///   - waiting: How many requests wait for one.
  mutating func turn(hasGathered: Bool, isDue: Bool, waiting: Int) -> Turn {
    if hasGathered { isGathering = false }
    // When it is closed, what waits while another lane gathers is that one's.
    guard !isGathering, isDue else { return isClosed ? .end : .rest }
    guard !hasGathered, isBusy || waiting > 1, waiting < Self.fewRequests else { return .take }
    isGathering = true
    return .gather
  }

  /// - Returns: A lane that is to ask what to do. One at a time: it wakes the next when it has its batch.
  mutating func wake(isDue: Bool) -> Lane? {
    guard isClosed || !isGathering && isDue else { return nil }
    return resting.popLast()
  }

  mutating func rest(_ lane: Lane) { resting.append(lane) }

  /// From now on lanes end when there is nothing left to take.
  /// - Returns: those that rest.
  mutating func close() -> [Lane] {
    isClosed = true
    defer { resting = [] }
    return resting
  }
}
