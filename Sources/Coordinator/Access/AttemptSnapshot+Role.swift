import BatonShared

extension AttemptSnapshot {
  /// As somebody with this role may see it: the id of a lease that is in force is the key to the job, and nobody's who
  /// only submits. Once the attempt has ended, the id opens nothing.
  func shown(to role: Access.Role) -> AttemptSnapshot {
    guard role != .admin, outcome == nil else { return self }
    var shown = self
    shown.leaseID = .withheld
    return shown
  }
}
