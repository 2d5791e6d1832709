public import Logging

extension SettingsReader {
  /// `trace`, `debug`, `info`, `notice`, `warning` (or `warn`), `error` or `critical`.
  public func logLevel(_ name: String = "LOG_LEVEL", default: Logger.Level = .info) throws -> Logger.Level {
    try choice(name, default: `default`, aliases: ["warn": .warning])
  }

  /// `text` or `json`.
  public func logFormat(_ name: String = "LOG_FORMAT", default: LogFormat = .text) throws -> LogFormat {
    try choice(name, default: `default`)
  }
}
