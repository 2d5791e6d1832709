/// How large the fleet of a fault drill is.
struct StageOptions: Sendable {
  var workers: Int
  /// Jobs that a worker runs at once.
  var slots: Int
  /// How long a lease lasts, in seconds.
  var lease: Double
  /// Shorter faults.
  var isShort = false
  /// Connections of each coordinator to the database.
  var databaseConnections = 4
}
