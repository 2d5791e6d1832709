import CLibPQ
import Logging
import ServiceLifecycle

/// Hears the database's notifications (`NOTIFY`), over a connection of its own that it replaces when it is lost.
public final class PostgresListener: Service {
  /// What happens to a listener.
  public enum Event: Hashable, Sendable {
    /// Listening, for the first time or again. Notifications may have been missed before: look for yourself.
    case connected
    case notification(channel: String, payload: String)
    /// The connection was lost (another is being made), or listening has ended.
    case disconnected
  }

  private let configuration: PostgresConfiguration
  private let channels: [String]
  private let silence: Duration
  private let logger: Logger
  private let onEvent: @Sendable (Event) -> Void

  /// - Parameters:
  ///   - configuration: Where the database is.
  ///   - channels: The channels' names, exactly as they are given to `pg_notify`.
  ///   - silence: After how long without any word the connection is tried, to find out about dead ones.
  ///   - logger: Gets losses and recoveries.
  ///   - onEvent: Called with one event after the other; must not block.
  public init(
    configuration: PostgresConfiguration, channels: [String], silence: Duration = .seconds(5), logger: Logger,
    onEvent: @escaping @Sendable (Event) -> Void
  ) {
    self.configuration = configuration
    self.channels = channels
    self.silence = silence
    self.logger = logger
    self.onEvent = onEvent
  }

  /// Listens until graceful shutdown or cancellation.
  public func run() async {
    await cancelWhenGracefulShutdown {
      var backoff = Backoff()
      var isFailing = false
      while !Task.isCancelled {
        do {
          let connection = try await self.connect()
          if isFailing { self.logger.info("listening to the database again") }
          isFailing = false
          backoff.reset()
          self.onEvent(.connected)
          defer { self.onEvent(.disconnected) }
          try await self.listen(on: connection)
        } catch {
          if Task.isCancelled { break }
          if !isFailing {
            self.logger.warning("cannot listen to the database, trying again", metadata: ["error": "\(error)"])
          }
          isFailing = true
          try? await Task.sleep(for: backoff.next())
        }
      }
    }
  }

  private func connect() async throws(PostgresError) -> PostgresConnection {
    let connection = try await PostgresConnection.connect(configuration, logger: logger)
    try await connection.execute(script: channels.map { "LISTEN \(quoteIdentifier($0));" }.joined())
    return connection
  }

  private func listen(on connection: PostgresConnection) async throws(PostgresError) {
    while true {
      let notifications = try await connection.notifications(within: silence)
      for notification in notifications {
        onEvent(.notification(channel: notification.channel, payload: notification.payload))
      }
      if notifications.isEmpty {
        try await connection.execute(script: "SELECT 1", timeout: .seconds(5))
      }
    }
  }
}

struct PostgresNotification: Sendable {
  let channel: String
  let payload: String
}

extension PostgresConnection {
  /// Waits for notifications; returns none if none came in that time.
  func notifications(within timeout: Duration) async throws(PostgresError) -> [PostgresNotification] {
    try await interruptible { connection throws(PostgresError) in
      let handle = try connection.openHandle()
      let deadline = ContinuousClock.now + timeout
      while true {
        let notifications = handle.takeNotifications()
        if !notifications.isEmpty { return notifications }
        if handle.isLost {
          connection.lose()
          throw .connection("the server has ended the connection")
        }
        switch Readiness.wait(socket: handle.socket, forWriting: false, wake: connection.wake, until: deadline) {
        case .readable, .writable:
          guard PQconsumeInput(handle.pointer) == 1 else {
            let failure = handle.failure
            connection.lose()
            throw .connection(failure)
          }
        case .woken:
          connection.wake.drain()
          if Task.isCancelled { throw .cancelled }
        case .deadline:
          return []
        }
      }
    }
  }
}

extension LibPQHandle {
  func takeNotifications() -> [PostgresNotification] {
    var notifications: [PostgresNotification] = []
    while let notification = PQnotifies(pointer) {
      notifications.append(
        PostgresNotification(
          channel: String(cString: notification.pointee.relname), payload: String(cString: notification.pointee.extra)))
      PQfreemem(notification)
    }
    return notifications
  }
}

/// An SQL identifier that means exactly `name`.
func quoteIdentifier(_ name: String) -> String {
  "\"" + name.replacing("\"", with: "\"\"") + "\""
}
