/// A bar such as `██████▍░░░  64%`.
enum ProgressBar {
  private static let eighths = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"]

  /// - Parameters:
  ///   - fraction: 0 to 1; nil when nobody knows.
  ///   - cells: How many characters the bar itself takes.
  static func text(_ fraction: Double?, cells: Int) -> String {
    guard let fraction, fraction.isFinite else { return String(repeating: "·", count: cells) + "    ?" }
    let clamped = min(1, max(0, fraction))
    // Rounded down, so that only what is finished looks finished.
    let parts = Int(clamped * Double(cells) * 8)
    let full = parts / 8
    var bar = String(repeating: "█", count: full) + eighths[parts % 8]
    bar += String(repeating: "░", count: cells - full - (parts % 8 > 0 ? 1 : 0))
    let percent = String(Int(clamped * 100))
    return bar + String(repeating: " ", count: 4 - percent.count) + percent + "%"
  }
}
