import ArgumentParser

/// Spans of time as they are given in options.
enum DurationArgument {
  /// - Throws: `ValidationError` when `text` is no span of time above zero.
  static func seconds(_ text: String) throws -> Double {
    guard let seconds = Durations.seconds(text), seconds > 0 else {
      throw ValidationError("'\(text)' is not a duration such as 10, 500ms or 2m.")
    }
    return seconds
  }

  /// - Throws: `ValidationError` when `text` is no span of time.
  static func delay(_ text: String) throws -> Double {
    guard let seconds = Durations.seconds(text) else {
      throw ValidationError("'\(text)' is not a duration such as 0, 10, 500ms or 2m.")
    }
    return seconds
  }
}
