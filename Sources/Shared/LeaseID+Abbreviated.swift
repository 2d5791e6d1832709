extension LeaseID {
  /// The first eight digits: enough to tell leases apart in a log, too little to act under one.
  public var abbreviated: String { String(description.prefix(8)) }
}
