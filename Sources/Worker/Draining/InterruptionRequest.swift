/// What a job is told when it is to hand back.
struct InterruptionRequest: Sendable, Equatable {
  /// When it is stopped if it has not handed back by itself.
  var stopBy: ContinuousClock.Instant
  /// When the worker must have handed everything back.
  var deadline: ContinuousClock.Instant
  /// The notice behind it.
  var notice: InterruptionNotice
  /// How it came to be asked now.
  var reason: String
}
