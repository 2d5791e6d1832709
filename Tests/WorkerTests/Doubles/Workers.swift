import BatonShared
import BatonTestSupport
import Logging
import Testing

@testable import BatonWorker

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A worker in this process, on a free port, with everything short.
struct TestWorker: Sendable {
  let worker: Worker
  let groups: ProcessGroups
  /// What holds checkpoints and results that programs have written; nil where no programs are run.
  let room: TransferRoom?
  /// Whether the forced exit was asked for.
  let isForced: Watched<Bool>

  var drain: DrainController { worker.drain }

  /// Waits until so many jobs have been started and not yet ended.
  func waitUntilRunning(_ count: Int = 1) async throws {
    try await eventually("\(count) running jobs") {
      worker.table.runs.filter { $0.state.value.phase == .running }.count == count
    }
  }

  func port() async throws -> Int { try await worker.boundPort.first { $0 != nil }! }

  static func configuration(_ coordinator: CoordinatorDouble) -> WorkerConfiguration {
    var configuration = WorkerConfiguration()
    configuration.coordinatorURLs = [coordinator.url]
    configuration.name = "test"
    configuration.slots = 4
    configuration.port = 0
    configuration.spotWatcherEnabled = false
    configuration.execAllow = ["*"]
    configuration.gracePeriod = 10
    configuration.checkpointReserve = 1
    configuration.scratchFolder = FileManager.default.temporaryDirectory.path()
    return configuration
  }

  init(
    _ coordinator: CoordinatorDouble, handlers: [any JobHandler] = [], log: RecordedLog? = nil,
    _ change: (inout WorkerConfiguration) -> Void = { _ in }
  ) throws {
    var configuration = Self.configuration(coordinator)
    change(&configuration)
    let groups = ProcessGroups()
    let isForced = Watched(false)
    var logger = Logger(label: "worker")
    logger.logLevel = ProcessInfo.processInfo.environment["WORKER_TEST_LOG"] == nil ? .critical : .debug
    if let log { logger = Logger(label: "worker") { _ in log } }
    let standard = StandardHandlers.all(for: configuration, groups: groups)
    room = standard.lazy.compactMap { ($0 as? ExecHandler)?.room }.first
    worker = try Worker(
      configuration: configuration, handlers: standard + handlers,
      logger: logger, handlesSignals: false, groups: groups, forceExit: { isForced.update { $0 = true } })
    self.groups = groups
    self.isForced = isForced
  }

  /// Runs the worker beside `body`, then drains it, in a second unless it drains already; its end is waited for.
  func run<Result: Sendable>(_ body: @escaping @Sendable () async throws -> Result) async throws -> Result {
    try await withThrowingTaskGroup(of: Result?.self) { group in
      group.addTask {
        try await worker.run()
        return nil
      }
      group.addTask {
        let result = try await body()
        if !drain.isDraining {
          drain.receive(InterruptionNotice(source: "test", action: "stop", secondsLeft: 1))
        }
        return result
      }
      var outcome: Result?
      do {
        while let next = try await group.next() { outcome = next ?? outcome }
      } catch {
        group.cancelAll()
        throw error
      }
      return try #require(outcome)
    }
  }
}
