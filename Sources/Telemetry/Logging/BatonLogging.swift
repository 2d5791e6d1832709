public import Logging

/// Makes loggers without touching the process-wide logging system.
public enum BatonLogging {
  /// A logger that writes to standard error.
  ///
  /// - Parameters:
  ///   - label: What the lines are labelled with, such as the name of the program.
  ///   - level: The least important level that is written.
  ///   - format: What a line looks like.
  public static func logger(label: String, level: Logger.Level, format: LogFormat) -> Logger {
    Logger(label: label) { BatonLogHandler(label: $0, level: level, format: format) }
  }
}
