import Synchronization

/// What this process is ready for, and its forced end.
final class Lifecycle: Sendable {
  private let draining = Atomic(false)
  private let migrated = Atomic(false)
  private let answering = Atomic(true)
  private let exit: @Sendable () -> Void

  /// - Parameter exit: Ends the process at once.
  init(exit: @escaping @Sendable () -> Void) {
    self.exit = exit
  }

  /// Whether others should be asked for work instead.
  var isDraining: Bool { draining.load(ordering: .relaxed) }

  func beginDrain() { draining.store(true, ordering: .relaxed) }

  /// Whether the database's schema is up to date; before, nothing that needs the database is done.
  var isMigrated: Bool { migrated.load(ordering: .relaxed) }

  func didMigrate() { migrated.store(true, ordering: .relaxed) }

  /// Whether the database answers at all; while it does not, nothing is asked of it, and requests are refused at once.
  var databaseAnswers: Bool { answering.load(ordering: .relaxed) }

  func noteDatabase(answers: Bool) { answering.store(answers, ordering: .relaxed) }

  func exitNow() { exit() }
}
