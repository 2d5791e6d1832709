import BatonThreads
import CLibPQ
import Logging
import Synchronization

/// Asks the server, over a fresh connection, about connections that have gone silent in the middle of a statement.
///
/// A slow statement and a connection that has died without a word (a firewall has forgotten it, a machine has gone) look
/// the same from this end. The server knows better: it works on something for that connection, or it waits for it.
///
/// There is one probe at a time, however many connections are silent: a database that is merely slow has enough to do.
final class ConnectionProbe: Sendable {
  /// What the server says of a connection.
  enum Finding: Sendable {
    /// It works on a statement.
    case working
    /// It waits to be sent something, or knows of no such connection.
    case idle
    /// Nothing could be learnt: the server cannot be reached, or a pooler stands before it.
    case unknown
  }

  typealias Answer = @Sendable (Finding) -> Void

  private struct State {
    var questions: [(pid: Int32, answer: Answer)] = []
    var isRunning = false
  }

  /// How long a probe may take to connect to one host, and to be answered.
  private static let limit: Duration = .seconds(2)

  private let configuration: PostgresConfiguration
  private let logger: Logger
  private let state = Mutex(State())

  init(_ configuration: PostgresConfiguration, logger: Logger) {
    self.configuration = configuration
    self.logger = logger
  }

  /// Asks about the connection that the server's process `pid` serves; `answer` is called once, on some other thread.
  func ask(about pid: Int32, _ answer: @escaping Answer) {
    let isFirst = state.withLock { state in
      state.questions.append((pid, answer))
      defer { state.isRunning = true }
      return !state.isRunning
    }
    if isFirst { BlockingThread.start(name: "postgres-probe") { self.run() } }
  }

  private func run() {
    while true {
      let questions = state.withLock { state in
        if state.questions.isEmpty { state.isRunning = false }
        defer { state.questions = [] }
        return state.questions
      }
      if questions.isEmpty { return }
      let known = try? look(for: questions.map(\.pid))
      for (pid, answer) in questions {
        // A server that answers and does not know the process has ended it, or has taken the other's place.
        answer(known.map { $0[pid] ?? .idle } ?? .unknown)
      }
    }
  }

  /// - Throws: When nothing can be learnt.
  private func look(for pids: [Int32]) throws(PostgresError) -> [Int32: Finding] {
    var configuration = configuration
    configuration.connectTimeout = Self.limit
    let handle = try LibPQHandle(configuration, logger: logger)
    let exchange = Exchange(
      handle, wake: try WakePipe(), PostgresConnection.Limits(timeout: Self.limit, isCancellable: false))
    let parameters: [PostgresValue] = [.int4Array(pids)]
    let statement = StatementKey(
      sql: """
        select pid, coalesce(state, ''), pid = pg_backend_pid() from pg_stat_activity
        where pid = any($1 || pg_backend_pid())
        """, types: parameters.map(\.type))
    try exchange.prepare("", statement)
    let rows = PostgresRows(storage: try exchange.execute("", parameters))
    var findings: [Int32: Finding] = [:]
    for row in rows {
      let pid = Int32(clamping: try row.int(0))
      if try row.bool(2), pid != handle.processID {
        throw .connection("a pooler stands between here and the server: its processes are not ours")
      }
      switch try row.text(1) {
      case "active", "fastpath function call": findings[pid] = .working
      case "idle", "idle in transaction", "idle in transaction (aborted)": findings[pid] = .idle
      default: findings[pid] = .unknown
      }
    }
    return findings
  }
}
