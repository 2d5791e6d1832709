import BatonShared

/// Colours, or none.
struct Style: Sendable, Equatable {
  enum Colour: Int, Sendable, CaseIterable {
    case red = 31
    case green = 32
    case yellow = 33
    case blue = 34
    case magenta = 35
    case cyan = 36
  }

  static let plain = Style(isColoured: false)
  static let coloured = Style(isColoured: true)

  let isColoured: Bool

  func colour(_ text: String, _ colour: Colour?) -> String {
    guard let colour else { return text }
    return sequence(String(colour.rawValue), text)
  }

  func bold(_ text: String) -> String { sequence("1", text) }

  func faint(_ text: String) -> String { sequence("2", text) }

  private func sequence(_ code: String, _ text: String) -> String {
    isColoured ? "\u{1B}[\(code)m\(text)\u{1B}[0m" : text
  }

  static func colour(of status: JobStatus) -> Colour? {
    switch status {
    case .queued: nil
    case .processing: .cyan
    case .done: .green
    case .failed: .red
    case .cancelled: .yellow
    }
  }

  static func colour(of outcome: AttemptOutcome?) -> Colour? {
    switch outcome {
    case nil: .cyan
    case .done: .green
    case .failed, .timedOut: .red
    case .lost, .interrupted, .cancelled: .yellow
    case .released: nil
    }
  }

  static func colour(of state: WorkerState) -> Colour? {
    switch state {
    case .active: .green
    case .draining: .yellow
    case .gone: nil
    }
  }
}
