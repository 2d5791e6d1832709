/// The Prometheus text format 0.0.4, line by line.
struct ExpositionText {
  private(set) var text = ""

  mutating func family(_ name: String, kind: MetricKind, help: String) {
    text += "# HELP \(name) \(MetricName.escaped(help, quotes: false))\n# TYPE \(name) \(kind.rawValue)\n"
  }

  mutating func sample(_ name: String, _ labels: String, _ value: String) {
    text += name
    if !labels.isEmpty {
      text += "{"
      text += labels
      text += "}"
    }
    text += " "
    text += value
    text += "\n"
  }
}
