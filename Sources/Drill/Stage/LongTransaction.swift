import BatonLocalPostgres
import Synchronization

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A session that begins a transaction, looks at the jobs, and does nothing more: `idle in transaction`, as somebody's
/// forgotten terminal. It has a number and a view of its own. When the database ends it, it is opened anew.
final class LongTransaction: Sendable {
  private static let application = "baton-drill-pin"

  private let fleet: DrillFleet
  private let note: @Sendable (HistoryEvent) -> Void
  private let count = Mutex(0)
  private let failure = Mutex<String?>(nil)
  private let isOver = Occurrence<Void>()
  /// Happens when it is open for the first time: how many jobs there were then.
  let firstView = Occurrence<Int>()

  init(fleet: DrillFleet, note: @escaping @Sendable (HistoryEvent) -> Void) {
    self.fleet = fleet
    self.note = note
  }

  /// How often it was opened.
  var opened: Int { count.withLock { $0 } }

  /// Why a session could not be begun, at the last time that one could not.
  var reason: String? { failure.withLock { $0 } }

  func end() { isOver.happen() }

  /// Keeps it open until it is told to end.
  func keep() async {
    var number = 0
    while isOver.value == nil, !Task.isCancelled {
      number += 1
      // A server that is away tells nobody when it is back.
      if await fleet.postgres.pid != nil { await open(number) }
      await isOver.wait(seconds: 0.2)
    }
  }

  private func open(_ number: Int) async {
    let session: DrillProcess
    do {
      session = try await self.session(number)
    } catch {
      return failure.withLock { $0 = "\(error)" }
    }
    defer { session.signal(Signals.kill) }
    while isOver.value == nil, session.ended.value == nil, !Task.isCancelled {
      if let view = await view(of: number) {
        count.withLock { $0 += 1 }
        note(.transaction(isOpen: true))
        firstView.happen(view)
        await withTaskGroup(of: Void.self) { group in
          group.addTask { await session.ended.wait() }
          group.addTask { [isOver] in await isOver.wait() }
          await group.next()
          group.cancelAll()
        }
        return note(.transaction(isOpen: false))
      }
      await session.ended.wait(seconds: 0.1)
    }
  }

  private func session(_ number: Int) async throws -> DrillProcess {
    // The last statement, again and again, tells the client when the server is gone; in between it is idle.
    let statements = """
      begin isolation level repeatable read;
      select txid_current(), count(*) from jobs;
      select \\watch 0.5
      """
    let file = "\(fleet.folder)/tmp/transaction.sql"
    try statements.write(toFile: file, atomically: true, encoding: .utf8)
    return try await fleet.start(
      "transaction-\(number)", PostgresBinaries.locate().psql,
      arguments: ["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-f", file, fleet.postgres.url(database: "baton")],
      environment: ["PGAPPNAME": "\(Self.application)-\(number)"])
  }

  /// How many jobs there are, if the transaction is open as it should be; nil if it is not.
  private func view(of number: Int) async -> Int? {
    // Shield: a program whose task is cancelled while it starts may bring this one down with it (swift-subprocess 1.0.2).
    let looking = Task { [fleet] in
      try? await fleet.postgres.run(
        """
        select count(*) from jobs having exists (
          select from pg_stat_activity where application_name = '\(Self.application)-\(number)'
            and state = 'idle in transaction' and backend_xid is not null and backend_xmin is not null)
        """, database: "baton")
    }
    return await looking.value.flatMap { Int($0.filter(\.isNumber)) }
  }
}
