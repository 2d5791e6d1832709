import BatonShared

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What a benchmark ran on.
enum Setting {
  /// This machine, and when.
  static func machine() -> [(name: String, value: String)] {
    var setting: [(name: String, value: String)] = [("baton", BatonVersion.current)]
    setting.append(("build", isOptimised ? "release" : "debug: figures of a debug build say little"))
    setting.append(("date", Date().formatted(.iso8601)))
    setting.append(("cores", "\(ProcessInfo.processInfo.activeProcessorCount)"))
    if let model = line(of: "/proc/cpuinfo", beginning: "model name") { setting.append(("processor", model)) }
    if let memory = line(of: "/proc/meminfo", beginning: "MemTotal") { setting.append(("memory", memory)) }
    setting.append(("system", ProcessInfo.processInfo.operatingSystemVersionString))
    return setting
  }

  /// This machine and the private server on it.
  static func of(_ fleet: BenchFleet) async throws -> [(name: String, value: String)] {
    var setting = machine()
    setting.append(("postgresql", try await fleet.database.value("show server_version")))
    for name in ["fsync", "synchronous_commit", "full_page_writes", "shared_buffers", "max_wal_size"] {
      setting.append((name, try await fleet.database.value("show \(name)")))
    }
    return setting
  }

  static var isOptimised: Bool {
    var isDebug = false
    // Evaluated in debug builds only.
    assert(
      {
        isDebug = true
        return true
      }())
    return !isDebug
  }

  private static func line(of file: String, beginning name: String) -> String? {
    guard let data = FileManager.default.contents(atPath: file) else { return nil }
    let line = String(decoding: data, as: UTF8.self).split(separator: "\n").first { $0.hasPrefix(name) }
    guard let value = line?.split(separator: ":", maxSplits: 1).last else { return nil }
    return value.split(whereSeparator: \.isWhitespace).joined(separator: " ")
  }
}
