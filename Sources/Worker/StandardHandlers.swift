/// The kinds of job that every Baton worker knows: `exec`, `steps`, `sleep` and `noop`.
public enum StandardHandlers {
  /// Makes the handlers. Without ``WorkerConfiguration/execAllow`` there is none for `exec`.
  public static func all(for configuration: WorkerConfiguration) -> [any JobHandler] {
    all(for: configuration, groups: ProcessGroups())
  }

  static func all(for configuration: WorkerConfiguration, groups: ProcessGroups) -> [any JobHandler] {
    var handlers: [any JobHandler] = [
      StepsHandler(), SleepHandler(defaultSeconds: configuration.jobProcessingSeconds), NoopHandler(),
    ]
    let allowance = ExecAllowance(configuration.execAllow)
    if allowance.isOn {
      handlers.append(
        ExecHandler(
          allowance: allowance, scratchParent: configuration.scratchFolder, environment: configuration.environment,
          conditions: ExecConditions(
            user: configuration.execUser, variables: PassedVariables(configuration.execEnvironment),
            limits: configuration.execLimits),
          groups: groups, mark: .ofThisProcess(), room: TransferRoom(configuration.transferRoom),
          removalTime: configuration.folderRemovalTime))
    }
    return handlers
  }
}
