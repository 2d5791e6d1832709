import Synchronization

/// Every metric of a process, and their exposition in the Prometheus text format.
///
/// Hand it to `Counter(label:dimensions:factory:)` and its relatives as their factory, and answer `GET /metrics` with
/// ``scrape()``. It is not installed globally. Names become legal Prometheus names: `jobs.leased` as a counter is
/// exposed as `jobs_leased_total`, `lease.wait` as a timer is the histogram `lease_wait_seconds`. A name belongs to the
/// kind of metric that took it first; what another kind records under it is not exposed.
///
/// Counting touches only the series counted: an atomic, or the lock of one histogram. The registry's own lock is taken
/// to make a series, to remove one, and to list them; hot paths should therefore keep their `Counter`.
public final class PrometheusRegistry: Sendable {
  struct Family {
    let kind: MetricKind
    /// The name as it was asked for: the help text of a family that nobody described.
    let label: String
    /// Fixed by the first series, so that all series of a family have the same ones.
    let buckets: [Double]
    /// By rendered labels.
    var series: [String: any MetricSeries] = [:]
  }

  private struct Description {
    var help: String
    var buckets: [Double]?
  }

  private struct State {
    var families: [String: Family] = [:]
    var descriptions: [String: Description] = [:]
  }

  /// The value of the `Content-Type` header that goes with ``scrape()``.
  public static let contentType = "text/plain; version=0.0.4; charset=utf-8"

  /// Upper bounds of histograms that ask for no others: half a millisecond to a minute.
  public static let defaultBuckets: [Double] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
  ]

  private let state = Mutex(State())
  private let process: ProcessMetrics?

  /// Makes an empty registry.
  ///
  /// - Parameter includesProcess: whether a scrape also tells memory, CPU time, open files and start time of this
  ///   process (on Linux; elsewhere there is nothing to tell).
  public init(includesProcess: Bool = true) {
    process = includesProcess ? ProcessMetrics() : nil
    if includesProcess {
      for (name, help) in ProcessMetrics.descriptions { describe(name, help: help) }
    }
  }

  /// Says what a metric means, and where its histogram's buckets end.
  ///
  /// - Parameters:
  ///   - name: The name as it is given to `Counter`, `Timer` and so on, or as it is exposed.
  ///   - help: The text of the `# HELP` line.
  ///   - buckets: Upper bounds, in seconds for timers and in the recorder's own unit otherwise; ``defaultBuckets`` if
  ///     `nil`. They apply to a histogram whose first series is made after this call.
  public func describe(_ name: String, help: String, buckets: [Double]? = nil) {
    // The last bucket, +Inf, is always written; duplicates would be duplicate lines.
    let bounds = buckets.map { Set($0.filter(\.isFinite)).sorted() }
    state.withLock {
      $0.descriptions[MetricName.normalized(name)] = Description(help: help, buckets: bounds)
    }
  }

  /// Sets one series of a gauge, made if it does not exist: for snapshots taken when a scrape comes.
  public func set(_ name: String, labels: [String: String] = [:], to value: Double) {
    series(name, name: MetricName.normalized(name), Array(labels.map { ($0.key, $0.value) })) { id, _ in
      GaugeSeries(id: id)
    }.set(value)
  }

  /// Makes `values`, by their labels, all the series that a gauge has; series that are not among them disappear.
  ///
  /// For snapshots whose label sets come and go, such as one value a queue. No scrape sees half of it.
  public func replace(_ name: String, with values: [[String: String]: Double]) {
    let familyName = MetricName.normalized(name)
    var series: [String: any MetricSeries] = [:]
    for (labels, value) in values {
      let rendered = MetricName.labels(labels.map { ($0.key, $0.value) })
      series[rendered] = GaugeSeries(id: SeriesID(family: familyName, labels: rendered), value: value)
    }
    state.withLock {
      var family = $0.families[familyName] ?? Family(kind: .gauge, label: name, buckets: [])
      guard family.kind == .gauge else { return }
      family.series = series
      $0.families[familyName] = series.isEmpty ? nil : family
    }
  }

  /// All metrics in the Prometheus text format 0.0.4, families by name and series by labels.
  public func scrape() -> String {
    // Only the list is taken under the lock; the values are read from the series themselves.
    var (families, descriptions) = state.withLock { ($0.families, $0.descriptions) }
    if let process { families.merge(process.read()) { own, _ in own } }
    var exposition = ExpositionText()
    for (name, family) in families.sorted(by: { $0.key < $1.key }) {
      let description = descriptions[name] ?? descriptions[MetricName.normalized(family.label)]
      let help = description?.help ?? family.label
      exposition.family(name, kind: family.kind, help: help.isEmpty ? name : help)
      for (_, series) in family.series.sorted(by: { $0.key < $1.key }) { series.write(to: &exposition) }
    }
    return exposition.text
  }

  /// The series with these labels of the family `name`, made if it does not exist.
  ///
  /// A name that already belongs to another kind yields a series that counts but is never exposed: a family has one
  /// type, and a mistake in a metric must not bring its process down.
  func series<Series: MetricSeries>(
    _ label: String, name: String, _ dimensions: [(String, String)],
    make: (SeriesID, _ buckets: [Double]) -> Series
  ) -> Series {
    let id = SeriesID(family: name, labels: MetricName.labels(dimensions))
    return state.withLock { state in
      if let existing = state.families[name]?.series[id.labels] as? Series { return existing }
      let description = state.descriptions[name] ?? state.descriptions[MetricName.normalized(label)]
      var family =
        state.families[name]
        ?? Family(kind: Series.kind, label: label, buckets: description?.buckets ?? Self.defaultBuckets)
      let series = make(id, family.buckets)
      guard family.kind == Series.kind else { return series }
      family.series[id.labels] = series
      state.families[name] = family
      return series
    }
  }

  /// Removes exactly this series, not one of the same labels that was made since.
  func remove(_ series: any MetricSeries) {
    let id = series.id
    state.withLock { state in
      guard state.families[id.family]?.series[id.labels] === series else { return }
      state.families[id.family]?.series[id.labels] = nil
      if state.families[id.family]?.series.isEmpty == true { state.families[id.family] = nil }
    }
  }
}
