#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What a virtual machine's processors would have done, had their host not given their time to others: whoever measures on
/// such a machine measures its neighbours too.
///
/// Read from the first line of `/proc/stat` (`proc_stat(5)`: user, nice, system, idle, iowait, irq, softirq, steal), so
/// only on Linux.
public struct StolenTime: Sendable, Equatable {
  /// In ticks of the clock, of all processors together.
  private let stolen: Double
  private let all: Double

  /// What has been stolen since the machine was started; nil when that is not known.
  public static func now() -> StolenTime? {
    FileManager.default.contents(atPath: "/proc/stat").flatMap { StolenTime(String(decoding: $0, as: UTF8.self)) }
  }

  init?(_ text: String) {
    let fields = text.prefix { $0 != "\n" }.split(separator: " ")
    guard fields.count > 8, fields[0] == "cpu" else { return nil }
    let ticks = fields[1...8].compactMap { Double($0) }
    guard ticks.count == 8 else { return nil }
    stolen = ticks[7]
    all = ticks.reduce(0, +)
  }

  /// Which part of the processors' time was stolen since then, from 0 to 1; nil if no time has passed.
  public func share(since start: StolenTime) -> Double? {
    all > start.all ? max(0, stolen - start.stolen) / (all - start.all) : nil
  }

  /// The same from `start` until now, in words (`3.2 %`); nil where it is not known.
  public static func share(since start: StolenTime?) -> String? {
    guard let start, let share = now()?.share(since: start) else { return nil }
    let tenths = Int((share * 1000).rounded())
    return "\(tenths / 10).\(tenths % 10) %"
  }
}
