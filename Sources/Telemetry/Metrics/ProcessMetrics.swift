#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif
#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// What Linux tells about this process, under the names that every Prometheus client gives it.
struct ProcessMetrics: Sendable {
  static let descriptions = [
    "process_resident_memory_bytes": "Resident memory size in bytes.",
    "process_cpu_seconds_total": "User and system CPU time spent in seconds.",
    "process_open_fds": "Number of open file descriptors.",
    "process_start_time_seconds": "Start time of the process since the Unix epoch in seconds.",
  ]

  /// One family a value that could be read; empty where there is no `/proc`.
  func read() -> [String: PrometheusRegistry.Family] {
    #if os(Linux)
      var families: [String: PrometheusRegistry.Family] = [:]
      func add(_ series: some MetricSeries) {
        let name = series.id.family
        families[name] = PrometheusRegistry.Family(
          kind: type(of: series).kind, label: name, buckets: [], series: [series.id.labels: series])
      }
      func gauge(_ name: String, _ value: Double) {
        add(GaugeSeries(id: SeriesID(family: name, labels: ""), value: value))
      }

      // The second field is the program's name in parentheses, which may itself contain spaces and parentheses; what
      // follows it starts with field 3.
      if let stat = Self.contents("/proc/self/stat"), let nameEnd = stat.lastIndex(of: ")") {
        let fields = stat[nameEnd...].split(separator: " ").dropFirst().map { Double($0) }
        let ticks = Double(sysconf(Int32(_SC_CLK_TCK)))
        if fields.count > 21, let user = fields[11], let system = fields[12] {
          let cpu = CounterSeries(id: SeriesID(family: "process_cpu_seconds_total", labels: ""))
          cpu.increment(by: (user + system) / ticks)
          add(cpu)
        }
        if fields.count > 21, let started = fields[19], let boot = Self.bootTime() {
          gauge("process_start_time_seconds", boot + started / ticks)
        }
        if fields.count > 21, let pages = fields[21] {
          gauge("process_resident_memory_bytes", pages * Double(sysconf(Int32(_SC_PAGESIZE))))
        }
      }
      if let descriptors = try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd") {
        // One of them is the directory that is being listed.
        gauge("process_open_fds", Double(descriptors.count - 1))
      }
      return families
    #else
      return [:]
    #endif
  }

  private static func bootTime() -> Double? {
    contents("/proc/stat")?.split(separator: "\n").first { $0.hasPrefix("btime ") }
      .flatMap { Double($0.dropFirst("btime ".count)) }
  }

  private static func contents(_ path: String) -> String? {
    FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) }
  }
}
