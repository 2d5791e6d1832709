/// What a source saw, and on which machine.
struct InterruptionEvent: Sendable, Equatable {
  /// What kind of news it is; for each there is a setting that says what follows.
  enum Kind: Sendable, CaseIterable {
    /// The cloud takes a spot instance back.
    case spotNotice
    /// It may be taken back before long.
    case rebalance
    /// A group of instances lets it go.
    case lifecycleState
    /// The machine under it is worked on at a known time.
    case scheduledMaintenance
    /// Somebody told this worker to go: a signal, an operator, the coordinator, a rehearsal. It always drains.
    case command
  }

  /// By which the same event is known when it is seen again, whatever its text or its time says then.
  struct Identity: Sendable, Hashable {
    let instance: String
    let source: String
    let action: String
  }

  var kind: Kind
  /// The machine's name where a source speaks of several; empty for this one.
  var instance = ""
  var notice: InterruptionNotice

  var identity: Identity { Identity(instance: instance, source: notice.source, action: notice.action) }
}
