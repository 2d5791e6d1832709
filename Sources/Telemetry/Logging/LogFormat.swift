/// What a log line looks like.
public enum LogFormat: String, CaseIterable, Sendable {
  /// `2026-01-01T12:00:00.123Z info  [label] message key=value`, for people.
  case text
  /// One JSON object a line with `time`, `level`, `label`, `message` and the metadata, for machines.
  case json
}
