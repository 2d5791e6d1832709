import Logging

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

/// A private PostgreSQL server, for trying things out and for tests.
///
/// It listens on a Unix socket that only its own account can reach, and on 127.0.0.1 if a port is given (with a random
/// password, which ``url(database:transport:)`` contains). It never outlives the process that started it. It is as
/// durable as PostgreSQL is by default; the settings can change that.
public actor LocalPostgres {
  /// How to stop the server.
  public enum StopMode: String, Sendable {
    /// Ends all connections and transactions, and writes a checkpoint.
    case fast = "INT"
    /// Stops dead, as in a crash: the next start recovers from the log.
    case immediate = "QUIT"
  }

  /// How to reach the server.
  public enum Transport: Sendable {
    case socket
    case tcp
  }

  /// Where the database is kept.
  public nonisolated let dataDirectory: String
  nonisolated let binaries: PostgresBinaries
  nonisolated let account: ServerAccount
  let settings: [String: String]
  let isEphemeral: Bool
  private let picksPort: Bool
  private let logger: Logger

  /// The TCP port on 127.0.0.1; nil if there is none, or none has been picked yet.
  public private(set) var port: Int?
  /// The server's main process; nil while it does not run.
  public private(set) var pid: Int32?

  private var password = ""
  private var guardPipe: GuardPipe?
  private var guardTask: Task<Void, Never>?
  private var initialisation: Result<Void, LocalPostgresError>?
  /// Those who wait for the guard's next word.
  private var listeners: [CheckedContinuation<Void, Never>] = []
  private var isStarting = false
  private var lastFailure: String?

  /// - Parameters:
  ///   - dataDirectory: An absolute path; made and filled at the first start. For root, its parents must be open to the
  ///     user `postgres`.
  ///   - port: A TCP port on 127.0.0.1, 0 for any free one, nil for none.
  ///   - settings: Server settings as in `postgresql.conf`.
  ///   - ephemeral: Remove the data directory when this process ends or the server is shut down.
  ///   - binaries: The server's programs; looked for if nil.
  /// - Throws: ``LocalPostgresError``.
  public init(
    dataDirectory: String, port: Int? = nil, settings: [String: String] = [:], ephemeral: Bool = false,
    binaries: PostgresBinaries? = nil, logger: Logger
  ) throws(LocalPostgresError) {
    guard dataDirectory.hasPrefix("/") else {
      throw .unusableDirectory("\(dataDirectory) is not an absolute path")
    }
    // The kernel allows about 100 bytes for a socket's path.
    guard dataDirectory.utf8.count <= 80 else {
      throw .unusableDirectory("\(dataDirectory) is longer than 80 characters, and the server's socket lies in it")
    }
    self.dataDirectory = dataDirectory
    if let binaries { self.binaries = binaries } else { self.binaries = try .locate() }
    account = try .choose()
    self.settings = settings
    isEphemeral = ephemeral
    picksPort = port == 0
    self.port = port == 0 ? nil : port
    self.logger = logger
  }

  /// A path for an ephemeral server's data, in the directory for temporary files.
  public static func temporaryDirectory() -> String { temporaryPath("baton-postgres-") }

  /// A path that nobody uses yet, in the directory for temporary files.
  static func temporaryPath(_ prefix: String) -> String {
    let root = ProcessInfo.processInfo.environment["TMPDIR"].map { $0.hasSuffix("/") ? String($0.dropLast()) : $0 }
    let name = prefix + String(UInt64.random(in: .min ... .max), radix: 36)
    // Root's temporary directory may be closed to the server's account.
    let isUsable = root.map { !$0.isEmpty && $0.utf8.count < 50 && getuid() != 0 } ?? false
    return (isUsable ? root! : "/tmp") + "/" + name
  }

  /// A libpq URL of the server; with the password, if it is for TCP.
  ///
  /// - Parameter transport: The socket if nil. TCP needs a port, so the server must have been started.
  public func url(database: String = "postgres", transport: Transport = .socket) -> String {
    let name = Self.percentEncode(database)
    switch transport {
    case .socket:
      return "postgresql://postgres@/\(name)?host=\(Self.percentEncode(dataDirectory))&port=\(port ?? 5432)"
    case .tcp:
      return "postgresql://postgres:\(password)@127.0.0.1:\(port ?? 5432)/\(name)"
    }
  }

  /// The path of the server's socket.
  public var socketPath: String { "\(dataDirectory)/.s.PGSQL.\(port ?? 5432)" }

  private static func percentEncode(_ text: String) -> String {
    text.utf8.map { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
        String(UnicodeScalar(byte))
      default:
        "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
      }
    }.joined()
  }
}

// MARK: - Start and stop

extension LocalPostgres {
  /// Starts the server, after filling its directory if that is empty; returns when it accepts connections.
  ///
  /// Waits for a server that still stops on the same directory.
  ///
  /// - Throws: ``LocalPostgresError``, `CancellationError`.
  public func start() async throws {
    guard pid == nil, !isStarting else { return }
    isStarting = true
    defer { isStarting = false }
    try await startGuard()
    try await initialise()
    let deadline = ContinuousClock.now + .seconds(60)
    while true {
      if port == nil, picksPort { port = LoopbackPorts.free(1)?.first }
      let logSize = log().count
      if try await launch(until: deadline) { return }
      let said = String(decoding: log().dropFirst(logSize), as: UTF8.self)
      if picksPort, said.contains("Address already in use") {
        port = nil
      } else if !said.contains("lock file") && !said.contains("shared memory block") || deadline < .now {
        throw LocalPostgresError.failed(said.isEmpty ? "it ended without a word" : said)
      }
      // Another server's last breath; there is no event to wait for.
      try await Task.sleep(for: .milliseconds(100))
    }
  }

  /// Stops the server; its data stay. Returns when it has ended.
  public func stop(mode: StopMode = .fast) async throws {
    guard pid != nil else { return }
    try guardPipe?.send("stop \(mode.rawValue)")
    while pid != nil { await nextReport() }
  }

  /// Stops the server and starts it again, on the same port.
  public func restart(mode: StopMode = .fast) async throws {
    try await stop(mode: mode)
    try await start()
  }

  /// Stops the server for good. When this returns, an ephemeral server's directory is gone.
  public func shutdown() async {
    guardPipe = nil
    await guardTask?.value
  }

  /// Waits until the server has ended by itself, or by somebody's signal.
  public func waitForExit() async {
    while pid != nil { await nextReport() }
  }

  /// Makes a database unless it is there.
  ///
  /// - Throws: ``LocalPostgresError``.
  public func createDatabase(_ name: String) async throws {
    let statement = #"""
      SELECT format('CREATE DATABASE %I', :'name')
      WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'name') \gexec
      """#
    try await PSQL(binaries, url: url()).run(statement, variables: ["name": name])
  }

  private func startGuard() async throws {
    guard guardPipe == nil else { return }
    try account.makeDirectory(dataDirectory)
    let (pipe, guardEnd) = try GuardPipe.make()
    var command = [isEphemeral ? "remove" : "keep", dataDirectory, binaries.initdb]
    command += [binaries.postgres, "-D", dataDirectory, "-k", dataDirectory]
    command += ["-c", "listen_addresses=\(port != nil || picksPort ? "127.0.0.1" : "")"]
    for (name, value) in settings.sorted(by: { $0.key < $1.key }) { command += ["-c", "\(name)=\(value)"] }
    guardPipe = pipe
    // The guard lives as long as we hold the pipe's end, beyond the call that starts it: cancelling that must not end it.
    guardTask = Task { [account, command, weak self] in
      let hear: @Sendable (ServerGuard.Report) async -> Void = { [weak self] report in await self?.hear(report) }
      do {
        try await ServerGuard.run(account: account, standardInput: guardEnd, arguments: command, report: hear)
      } catch {
        await hear(.initialisationFailed("\(error)"))
      }
      await hear(.gone)
    }
  }

  private func initialise() async throws {
    let passwordFile = dataDirectory + "/baton.password"
    if let saved = try? String(contentsOfFile: passwordFile, encoding: .utf8) {
      password = String(saved.prefix { !$0.isNewline })
      return
    }
    let entries = (try? FileManager.default.contentsOfDirectory(atPath: dataDirectory)) ?? []
    guard entries.isEmpty else {
      throw LocalPostgresError.unusableDirectory(
        "\(dataDirectory) is not empty and was not made by this program (or its making was cut short)")
    }
    password = (0..<4).map { _ in String(UInt64.random(in: .min ... .max), radix: 36) }.joined()
    initialisation = nil
    try guardPipe?.send("init \(password)")
    while initialisation == nil { await nextReport() }
    try initialisation?.get()
  }

  /// - Returns: whether the server accepts connections; if not, it has ended.
  private func launch(until deadline: ContinuousClock.Instant) async throws -> Bool {
    guard let guardPipe else { throw LocalPostgresError.failed("the server's guard is gone") }
    lastFailure = nil
    try guardPipe.send("start \(port ?? 5432)")
    while pid == nil, lastFailure == nil { await nextReport() }
    while let pid {
      if isReady(pid) { return true }
      if deadline < .now {
        try await stop(mode: .immediate)
        throw LocalPostgresError.failed("it did not accept connections within a minute")
      }
      // The server writes its state into a file and tells nobody.
      try await Task.sleep(for: .milliseconds(10))
    }
    return false
  }

  /// Whether the server says in its lock file that it accepts connections.
  private func isReady(_ pid: Int32) -> Bool {
    let file = dataDirectory + "/postmaster.pid"
    guard let text = try? String(contentsOfFile: file, encoding: .utf8) else { return false }
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    return lines.count >= 8 && lines[0] == "\(pid)" && lines[7].hasPrefix("ready")
  }

  private func log() -> [UInt8] {
    guard let data = FileManager.default.contents(atPath: dataDirectory + "/server.log") else { return [] }
    return [UInt8](data)
  }
}

// MARK: - The guard's words

extension LocalPostgres {
  private func hear(_ report: ServerGuard.Report) {
    switch report {
    case .initialised: initialisation = .success(())
    case .initialisationFailed(let reason): initialisation = .failure(.failed(reason))
    case .started(let pid):
      logger.debug("PostgreSQL started", metadata: ["pid": "\(pid)"])
      self.pid = pid
    case .exited:
      logger.debug("PostgreSQL ended")
      pid = nil
      lastFailure = "it ended"
    case .gone:
      pid = nil
      lastFailure = "its guard is gone"
      guardPipe = nil
      if initialisation == nil { initialisation = .failure(.failed("its guard is gone")) }
    }
    let woken = listeners
    listeners = []
    for listener in woken { listener.resume() }
  }

  private func nextReport() async {
    await withCheckedContinuation { listeners.append($0) }
  }
}
