/// What follows from news of an interruption.
public enum InterruptionReaction: String, Sendable, CaseIterable {
  /// The worker takes no more jobs, hands back what it cannot finish in time, and ends.
  case drain
  /// For a while the worker takes no jobs of kinds that usually run long, and asks those in flight for a checkpoint.
  case soft
  /// Nothing; it is logged and counted.
  case ignore
}
