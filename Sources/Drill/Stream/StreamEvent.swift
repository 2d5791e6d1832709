import BatonShared

/// What happens in a drill with so many jobs that each may take only a few bytes.
enum StreamEvent: Sendable, Equatable {
  /// What the drill is about; the first of all.
  case plan(scenario: String, jobs: Int)
  /// The receipt of one submission.
  case accepted([JobID])
  /// What a worker heard of an attempt's settlement: an outcome that was accepted, or `refused`.
  case told(JobID, attempt: Int, String)
  /// A program of the fleet has ended, and what the drill had asked of it.
  case programEnded(String, ProcessEnding, ProgramDemand)
  case phase(fault: String, FaultPhase)
  /// The drill itself was woken so many seconds late: the machine is busy.
  case late(seconds: Double)
  /// What the database says of a job in the end.
  case ending(StreamEnding)
  /// How many attempts ended so, by the database.
  case attempts(outcome: String, count: Int)
}

/// An event and its time, in seconds since the drill's start.
struct StreamEntry: Sendable, Equatable {
  var at: Double
  var event: StreamEvent
}

/// A job in the end.
struct StreamEnding: Sendable, Equatable {
  var id: JobID
  var status: String
  /// How often it was leased.
  var attempts: Int
  /// How many attempts have no outcome.
  var open: Int
  /// The attempts whose outcome is `done`.
  var done: [Int]
}
