import CoreMetrics
import Synchronization

/// The name of a family and the rendered labels of one of its series.
struct SeriesID: Hashable, Sendable {
  let family: String
  let labels: String
}

enum MetricKind: String, Sendable {
  case counter, gauge, histogram
}

/// One line (of a histogram: one group of lines) of the exposition, and the handler that writes to it.
protocol MetricSeries: AnyObject, Sendable {
  static var kind: MetricKind { get }
  var id: SeriesID { get }
  func write(to text: inout ExpositionText)
}

/// Adds whole numbers and fractions apart, so that whole numbers stay exact and cost one atomic instruction.
final class CounterSeries: MetricSeries, CounterHandler, FloatingPointCounterHandler {
  static let kind = MetricKind.counter
  let id: SeriesID
  private let whole = Atomic<UInt64>(0)
  private let fraction = AtomicDouble()

  init(id: SeriesID) {
    self.id = id
  }

  /// Ignores what is not positive: a counter never goes down. Past 2⁶⁴ it starts at zero again, which Prometheus
  /// takes for a restart.
  func increment(by amount: Int64) {
    guard amount > 0 else { return }
    whole.wrappingAdd(UInt64(amount), ordering: .relaxed)
  }

  func increment(by amount: Double) {
    guard amount > 0, amount.isFinite else { return }
    fraction.add(amount)
  }

  func reset() {
    whole.store(0, ordering: .relaxed)
    fraction.store(0)
  }

  func write(to text: inout ExpositionText) {
    let (whole, fraction) = (whole.load(ordering: .relaxed), fraction.load())
    text.sample(
      id.family, id.labels, fraction == 0 ? String(whole) : MetricName.number(Double(whole) + fraction))
  }
}

/// The newest value: of a `Gauge` (a recorder that does not aggregate), a `Meter`, or a snapshot taken at scrape.
final class GaugeSeries: MetricSeries, RecorderHandler, MeterHandler {
  static let kind = MetricKind.gauge
  let id: SeriesID
  private let value = AtomicDouble()

  init(id: SeriesID, value: Double = 0) {
    self.id = id
    self.value.store(value)
  }

  func record(_ value: Int64) { self.value.store(Double(value)) }
  func record(_ value: Double) { self.value.store(value) }
  func set(_ value: Int64) { self.value.store(Double(value)) }
  func set(_ value: Double) { self.value.store(value) }
  func increment(by amount: Double) { value.add(amount) }
  func decrement(by amount: Double) { value.add(-amount) }

  func write(to text: inout ExpositionText) {
    text.sample(id.family, id.labels, MetricName.number(value.load()))
  }
}

/// Counts of values by upper bound; timers record seconds.
final class HistogramSeries: MetricSeries, RecorderHandler, TimerHandler {
  private struct State {
    /// One count a bound, not yet cumulative; the last is of what lies above every bound.
    var counts: [UInt64]
    var sum = 0.0
  }

  static let kind = MetricKind.histogram
  let id: SeriesID
  private let bounds: [Double]
  // A lock, not atomics: buckets and sum of one scrape must belong together.
  private let state: Mutex<State>

  init(id: SeriesID, bounds: [Double]) {
    self.id = id
    self.bounds = bounds
    self.state = Mutex(State(counts: Array(repeating: 0, count: bounds.count + 1)))
  }

  func record(_ value: Int64) { record(Double(value)) }

  /// Ignores what is not finite: it would spoil the sum for good.
  func record(_ value: Double) {
    guard value.isFinite else { return }
    let index = bounds.firstIndex { value <= $0 } ?? bounds.count
    state.withLock {
      $0.counts[index] += 1
      $0.sum += value
    }
  }

  func recordNanoseconds(_ duration: Int64) {
    record(Double(duration) / 1_000_000_000)
  }

  func write(to text: inout ExpositionText) {
    let state = state.withLock { $0 }
    let prefix = id.labels.isEmpty ? "" : id.labels + ","
    var cumulated: UInt64 = 0
    for (bound, count) in zip(bounds + [.infinity], state.counts) {
      cumulated += count
      text.sample(id.family + "_bucket", "\(prefix)le=\"\(MetricName.number(bound))\"", String(cumulated))
    }
    text.sample(id.family + "_sum", id.labels, MetricName.number(state.sum))
    text.sample(id.family + "_count", id.labels, String(cumulated))
  }
}

/// A double in an atomic word; adding retries until no other thread came between.
private struct AtomicDouble: ~Copyable {
  private let bits = Atomic<UInt64>(0)

  func load() -> Double { Double(bitPattern: bits.load(ordering: .relaxed)) }

  func store(_ value: Double) { bits.store(value.bitPattern, ordering: .relaxed) }

  func add(_ amount: Double) {
    var current = bits.load(ordering: .relaxed)
    while true {
      let sum = (Double(bitPattern: current) + amount).bitPattern
      let (exchanged, original) = bits.weakCompareExchange(
        expected: current, desired: sum, ordering: .relaxed)
      if exchanged { return }
      current = original
    }
  }
}
