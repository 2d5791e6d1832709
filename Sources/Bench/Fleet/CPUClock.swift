#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Processor time used so far, in seconds, by the parties to a benchmark. Read from `/proc`, so only on Linux; elsewhere
/// only the benchmark's own is known.
struct CPUTimes: Sendable {
  /// The load generator: what it costs is taken from the two cores that everybody shares.
  var bench = 0.0
  var coordinator = 0.0
  /// All processes of the server, those that have ended included.
  var postgres = 0.0
  var workers = 0.0

  /// What it takes to answer: the coordinator and the database.
  var served: Double { coordinator + postgres }

  static func + (one: CPUTimes, other: CPUTimes) -> CPUTimes {
    CPUTimes(
      bench: one.bench + other.bench, coordinator: one.coordinator + other.coordinator,
      postgres: one.postgres + other.postgres, workers: one.workers + other.workers)
  }

  static func / (one: CPUTimes, part: Double) -> CPUTimes {
    CPUTimes(
      bench: one.bench / part, coordinator: one.coordinator / part, postgres: one.postgres / part,
      workers: one.workers / part)
  }

  static func - (one: CPUTimes, other: CPUTimes) -> CPUTimes {
    CPUTimes(
      bench: one.bench - other.bench, coordinator: one.coordinator - other.coordinator,
      postgres: one.postgres - other.postgres, workers: one.workers - other.workers)
  }
}

/// Whose processor time counts.
struct CPUClock: Sendable {
  var coordinator: Int32?
  /// The server's main process.
  var postgres: Int32?
  var workers: [Int32] = []

  func now() -> CPUTimes {
    var times = CPUTimes()
    times.bench = Self.own()
    times.coordinator = coordinator.flatMap { ProcessFile.read($0) }?.ownSeconds ?? 0
    times.workers = workers.compactMap { ProcessFile.read($0)?.ownSeconds }.reduce(0, +)
    if let postgres, let main = ProcessFile.read(postgres) {
      times.postgres = main.ownSeconds + main.childSeconds
      for process in ProcessFile.all() where process.parent == postgres { times.postgres += process.ownSeconds }
    }
    return times
  }

  private static func own() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }
}

/// What `/proc` says of a process.
struct ProcessFile: Sendable, Equatable {
  var parent: Int32
  var ownSeconds: Double
  /// Of children that have ended and been waited for.
  var childSeconds: Double

  /// Nil when there is no such process (or no `/proc`).
  static func read(_ pid: Int32) -> ProcessFile? {
    guard let data = FileManager.default.contents(atPath: "/proc/\(pid)/stat") else { return nil }
    return parse(String(decoding: data, as: UTF8.self), ticksPerSecond: Double(sysconf(Int32(_SC_CLK_TCK))))
  }

  static func all() -> [ProcessFile] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
    return names.compactMap(Int32.init).compactMap(read)
  }

  static func parse(_ text: String, ticksPerSecond: Double) -> ProcessFile? {
    // The second field is the program's name in brackets, which may itself contain brackets and spaces.
    guard let end = text.lastIndex(of: ")") else { return nil }
    let fields = text[text.index(after: end)...].split(separator: " ")
    guard fields.count > 14, let parent = Int32(fields[1]) else { return nil }
    let ticks = fields[11...14].compactMap { Double($0) }
    guard ticks.count == 4 else { return nil }
    return ProcessFile(
      parent: parent, ownSeconds: (ticks[0] + ticks[1]) / ticksPerSecond,
      childSeconds: (ticks[2] + ticks[3]) / ticksPerSecond)
  }

  /// Megabytes of memory that the process has to itself in RAM; nil when it is not known.
  static func residentMegabytes(_ pid: Int32) -> Double? {
    guard let data = FileManager.default.contents(atPath: "/proc/\(pid)/status") else { return nil }
    let line = String(decoding: data, as: UTF8.self).split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
    return line?.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Double($0) }.map { $0 / 1024 }
  }
}
