import BatonPostgres
import BatonTestSupport
import ServiceLifecycle
import Testing

@Suite struct ListenerTests {
  @Test func notificationsOfEveryChannelArriveInOrder() async throws {
    let database = try await TestDatabase.make()
    let (events, continuation) = AsyncStream.makeStream(of: PostgresListener.Event.self)
    let listener = PostgresListener(
      configuration: database.configuration, channels: ["jobs", "Odd \"name\""], logger: .quiet
    ) { continuation.yield($0) }
    let group = ServiceGroup(configuration: .init(services: [.init(service: listener)], logger: .quiet))
    async let running: Void = group.run()
    var next = events.makeAsyncIterator()
    #expect(await next.next() == .connected)
    let connection = try await database.connect()
    try await connection.query(
      "SELECT pg_notify('jobs', 'one'), pg_notify('nobody', 'lost'), pg_notify('jobs', 'zwei ü')")
    try await connection.query("SELECT pg_notify($1, '')", .text("Odd \"name\""))
    #expect(await next.next() == .notification(channel: "jobs", payload: "one"))
    #expect(await next.next() == .notification(channel: "jobs", payload: "zwei ü"))
    #expect(await next.next() == .notification(channel: "Odd \"name\"", payload: ""))
    await group.triggerGracefulShutdown()
    try await running
    #expect(await next.next() == .disconnected)
  }

  @Test func silentConnectionIsTriedAndKept() async throws {
    let database = try await TestDatabase.make()
    let (events, continuation) = AsyncStream.makeStream(of: PostgresListener.Event.self)
    let listener = PostgresListener(
      configuration: database.configuration, channels: ["jobs"], silence: .milliseconds(20), logger: .quiet
    ) { continuation.yield($0) }
    let running = Task { await listener.run() }
    var next = events.makeAsyncIterator()
    #expect(await next.next() == .connected)
    let connection = try await database.connect()
    try await eventually {
      try await connection.query(
        "SELECT FROM pg_stat_activity WHERE datname = current_database() AND query = 'SELECT 1'"
      ).count == 1
    }
    try await connection.query("SELECT pg_notify('jobs', 'still here')")
    #expect(await next.next() == .notification(channel: "jobs", payload: "still here"))
    running.cancel()
    await running.value
  }
}
