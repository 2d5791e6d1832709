extension LeaseID {
  /// The time and 12 of its 74 random bits: enough to tell leases apart in a log, too little to act under one.
  public var abbreviated: String { String(description.prefix(18)) }
}
