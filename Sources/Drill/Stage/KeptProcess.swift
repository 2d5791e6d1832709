import Synchronization

/// A part of the fleet that is there all the time: when it ends it is started again, as a service manager would. Each of
/// its ends is noted, with what the drill had asked for: nothing is to need the restart.
final class KeptProcess: Sendable {
  let name: String
  private let note: @Sendable (HistoryEvent) -> Void
  private let start: @Sendable (_ name: String) async throws -> DrillProcess
  private let current = Mutex<DrillProcess?>(nil)
  private let isKept = Mutex(true)

  /// How long it may take to go, in seconds.
  private static let patience = 40.0

  /// - Parameters:
  ///   - note: Told when a process has ended.
  ///   - start: Starts it under a name that tells the starts apart.
  init(
    name: String, note: @escaping @Sendable (HistoryEvent) -> Void,
    start: @escaping @Sendable (_ name: String) async throws -> DrillProcess
  ) {
    self.name = name
    self.note = note
    self.start = start
  }

  /// The process that runs now.
  var process: DrillProcess? { current.withLock { $0 } }

  /// The part that a process of this name belongs to.
  static func part(of process: String) -> String {
    process.lastIndex(of: "-").map { String(process[..<$0]) } ?? process
  }

  /// Runs it again and again, until it is let go.
  func run() async throws {
    var count = 0
    while isKept.withLock({ $0 }) {
      count += 1
      let process = try await start("\(name)-\(count)")
      current.withLock { $0 = process }
      // It may have been let go while this one was started.
      if !isKept.withLock({ $0 }) { await process.end(within: Self.patience) }
      guard let ending = await process.ended.wait() else { return }
      note(.programEnded(process.name, ending, process.demand))
      // As systemd waits before it starts a unit again.
      if isKept.withLock({ $0 }) { try await Task.sleep(for: .milliseconds(500)) }
    }
  }

  /// Ends it in good order, and does not start it again.
  func letGo() async {
    isKept.withLock { $0 = false }
    await process?.end(within: Self.patience)
  }
}
