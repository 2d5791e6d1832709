public import CoreMetrics

/// The same label and dimensions always give the same series. Destroying a handler removes its series from the
/// exposition, also for others who hold it.
extension PrometheusRegistry: MetricsFactory {
  /// A counter, exposed with the suffix `_total`.
  public func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
    counter(label, dimensions)
  }

  /// A counter that also takes fractions, exposed with the suffix `_total`.
  public func makeFloatingPointCounter(
    label: String, dimensions: [(String, String)]
  ) -> any FloatingPointCounterHandler {
    counter(label, dimensions)
  }

  /// A gauge that can go up and down.
  public func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
    gauge(label, dimensions)
  }

  /// A histogram in the recorder's own unit if it aggregates, else a gauge of the newest value.
  public func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
    aggregate ? histogram(label, dimensions, name: MetricName.normalized(label)) : gauge(label, dimensions)
  }

  /// A histogram in seconds, exposed with the suffix `_seconds`.
  public func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
    histogram(label, dimensions, name: MetricName.normalized(label, suffix: "_seconds"))
  }

  /// Removes the counter's series.
  public func destroyCounter(_ handler: any CounterHandler) { destroy(handler) }

  /// Removes the counter's series.
  public func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) { destroy(handler) }

  /// Removes the gauge's series.
  public func destroyMeter(_ handler: any MeterHandler) { destroy(handler) }

  /// Removes the histogram's or gauge's series.
  public func destroyRecorder(_ handler: any RecorderHandler) { destroy(handler) }

  /// Removes the histogram's series.
  public func destroyTimer(_ handler: any TimerHandler) { destroy(handler) }

  private func counter(_ label: String, _ dimensions: [(String, String)]) -> CounterSeries {
    series(label, name: MetricName.normalized(label, suffix: "_total"), dimensions) { id, _ in CounterSeries(id: id) }
  }

  private func gauge(_ label: String, _ dimensions: [(String, String)]) -> GaugeSeries {
    series(label, name: MetricName.normalized(label), dimensions) { id, _ in GaugeSeries(id: id) }
  }

  private func histogram(_ label: String, _ dimensions: [(String, String)], name: String) -> HistogramSeries {
    series(label, name: name, dimensions) { HistogramSeries(id: $0, bounds: $1) }
  }

  private func destroy(_ handler: AnyObject) {
    if let series = handler as? any MetricSeries { remove(series) }
  }
}
