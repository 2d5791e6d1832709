import BatonThreads
import CLibPQ
import Synchronization

/// One call's conversation with the server: send, wait, collect; within the call's limits.
///
/// Blocks the thread it is used on.
final class Exchange {
  let handle: LibPQHandle
  private let wake: WakePipe
  private let isCancellable: Bool
  private let probe: ConnectionProbe?
  private var silence: SilenceWatch
  private let finding = FindingBox()
  private var deadline: ContinuousClock.Instant
  private let started = ContinuousClock.now
  private var interruption: Interruption?

  /// A call that was cut short: why, and the cancel request that is on its way.
  private struct Interruption {
    let error: PostgresError
    let request: CancelRequest?
  }

  /// What a probe has found, left by its thread.
  private final class FindingBox: Sendable {
    let value = Mutex<ConnectionProbe.Finding?>(nil)
  }

  /// - Parameter probe: Asks about this connection while it is silent; nil if nobody does.
  init(
    _ handle: LibPQHandle, wake: WakePipe, _ limits: PostgresConnection.Limits, probe: ConnectionProbe? = nil
  ) {
    self.handle = handle
    self.wake = wake
    self.probe = handle.silenceLimit > .zero ? probe : nil
    silence = SilenceWatch(patience: handle.silenceLimit, now: started)
    isCancellable = limits.isCancellable
    deadline = started + limits.timeout
  }

  /// Has the server parse a statement.
  func prepare(_ name: String, _ key: StatementKey) throws(PostgresError) {
    _ = try send { PQsendPrepare($0, name, key.sql, Int32(key.types.count), key.types) }
  }

  /// Runs a prepared statement.
  func execute(_ name: String, _ parameters: [PostgresValue]) throws(PostgresError) -> ResultStorage {
    let lengths = parameters.map { Int32(clamping: $0.bytes?.count ?? 0) }
    let formats = [Int32](repeating: 1, count: parameters.count)
    var pointers = [UnsafePointer<CChar>?](repeating: nil, count: parameters.count)
    let reply = try send { connection in
      Self.withPointers(to: parameters, from: 0, &pointers) { pointers in
        PQsendQueryPrepared(connection, name, Int32(parameters.count), pointers, lengths, formats, 1)
      }
    }
    return reply.storage
  }

  /// Runs statements without parameters; returns the last one's command tag.
  func run(script: String) throws(PostgresError) -> String {
    try send { PQsendQuery($0, script) }.command
  }

  /// Calls `body` with a pointer to each parameter's bytes, without copying them: libpq does that itself.
  private static func withPointers(
    to parameters: [PostgresValue], from index: Int, _ pointers: inout [UnsafePointer<CChar>?],
    _ body: ([UnsafePointer<CChar>?]) -> Int32
  ) -> Int32 {
    guard index < parameters.count else { return body(pointers) }
    guard let bytes = parameters[index].bytes else {
      return withPointers(to: parameters, from: index + 1, &pointers, body)
    }
    return bytes.withUnsafeBytes { buffer in
      // libpq reads a null pointer as NULL; a value of no bytes needs some other address, which is never read.
      let address = buffer.baseAddress ?? UnsafeRawPointer(bitPattern: 1)!
      pointers[index] = address.assumingMemoryBound(to: CChar.self)
      return withPointers(to: parameters, from: index + 1, &pointers, body)
    }
  }

  // MARK: Sending and collecting

  private struct Reply {
    var storage = ResultStorage.empty
    var command = ""
    var error: PostgresError?
  }

  private func send(_ body: (OpaquePointer) -> Int32) throws(PostgresError) -> Reply {
    guard body(handle.pointer) == 1 else { throw .connection(handle.failure) }
    var reply = Reply()
    while true {
      try waitForResult()
      guard let pointer = PQgetResult(handle.pointer) else { break }
      try take(LibPQResult(pointer), into: &reply)
    }
    try settleInterruption(&reply)
    if let error = reply.error { throw error }
    return reply
  }

  private func take(_ result: consuming LibPQResult, into reply: inout Reply) throws(PostgresError) {
    switch result.status {
    case PGRES_TUPLES_OK, PGRES_COMMAND_OK, PGRES_EMPTY_QUERY:
      reply.storage = result.copy()
      reply.command = result.command
    case PGRES_COPY_IN, PGRES_COPY_OUT, PGRES_COPY_BOTH:
      throw abandon(.connection("COPY between client and server is not supported"))
    default:
      // The first error is the cause; what follows it says only that the connection is gone.
      if reply.error == nil {
        reply.error = result.error.map { .server($0) } ?? .connection(handle.failure)
      }
    }
  }

  /// Waits until a result can be taken without blocking. Past the deadline, or when the task is cancelled, asks the
  /// server to stop and goes on waiting for a little while. In a silence, finds out whether the connection still is one.
  private func waitForResult() throws(PostgresError) {
    while true {
      let flushed = PQflush(handle.pointer)
      if flushed < 0 {
        // The server may have said why it hung up; let libpq read that before giving up.
        if PQconsumeInput(handle.pointer) == 0 { return }
      }
      if flushed == 0, PQisBusy(handle.pointer) == 0 { return }
      switch Readiness.wait(socket: handle.socket, forWriting: flushed > 0, wake: wake, until: nextDeadline) {
      case .readable:
        silence.heard(at: .now)
        // On failure libpq has turned the loss into a result, which is picked up next.
        if PQconsumeInput(handle.pointer) == 0 { return }
      case .writable:
        continue
      case .woken:
        wake.drain()
        // The signal may have been for a call that waits its turn behind this one.
        if isCancellable, Task.isCancelled, interruption == nil { interrupt(.cancelled) }
        try judgeSilence()
      case .deadline:
        if ContinuousClock.now < deadline {
          lookIntoSilence()
          continue
        }
        if let interruption { throw abandon(interruption.error) }
        interrupt(.timeout)
      }
    }
  }

  private var nextDeadline: ContinuousClock.Instant {
    guard probe != nil, interruption == nil, let look = silence.nextLook else { return deadline }
    return min(look, deadline)
  }

  private func lookIntoSilence() {
    guard let probe else { return }
    silence.lookBegins()
    probe.ask(about: handle.processID) { [finding, wake] found in
      finding.value.withLock { $0 = found }
      wake.signal()
    }
  }

  private func judgeSilence() throws(PostgresError) {
    guard interruption == nil, let found = finding.value.withLock({ $0.take() }) else { return }
    guard silence.found(found, unsent: Readiness.unsentBytes(handle.socket), at: .now) else { return }
    handle.declareDead()
    throw .connection("it has died without a word: the server waits for what was sent to it")
  }

  private func interrupt(_ error: PostgresError) {
    interruption = Interruption(error: error, request: CancelRequest.send(for: handle))
    deadline = .now + PostgresConnection.cancelGrace
  }

  /// After the last result of a call that was cut short: makes sure that its cancel request cannot hit the next one.
  private func settleInterruption(_ reply: inout Reply) throws(PostgresError) {
    guard let interruption else {
      if isServerTimeout(reply.error) { reply.error = .timeout }
      return
    }
    // A statement that ended well before the request arrived stays done.
    if reply.error?.sqlState == "57014" { reply.error = interruption.error }
    guard let request = interruption.request else { return }
    if !Readiness.waitReadable(request.done.readEnd, timeout: PostgresConnection.cancelGrace) {
      handle.abandon()
    }
  }

  /// The server's own time limit and `pg_cancel_backend` have the same code, and the text is translated.
  private func isServerTimeout(_ error: PostgresError?) -> Bool {
    error?.sqlState == "57014" && handle.statementTimeout > .zero
      && ContinuousClock.now - started >= handle.statementTimeout
  }

  private func abandon(_ error: PostgresError) -> PostgresError {
    handle.abandon()
    return error
  }
}
