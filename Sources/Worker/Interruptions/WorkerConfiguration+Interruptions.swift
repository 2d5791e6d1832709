extension WorkerConfiguration {
  /// What the policy for interruptions is told.
  var interruptionSettings: InterruptionPolicy.Settings {
    InterruptionPolicy.Settings(
      onSpotNotice: onSpotNotice, onRebalance: onRebalance, onLifecycleState: onLifecycleState,
      onScheduledMaintenance: onScheduledMaintenance, grace: gracePeriod, maintenanceLead: maintenanceLead,
      softExpiry: rebalanceExpiry, softMaxJob: softMaxJob)
  }
}
