/// Others hold all of the database's connections, and those of the coordinators have gone.
struct ConnectionsExhausted: Fault {
  let name = "connections-exhausted"
  let summary = "idle sessions of others hold all of max_connections for 8 s (53300), the coordinators' ended"

  /// How long it may take until others hold everything, in seconds.
  private static let patience = 10.0

  func inflict(on stage: FaultStage) async throws -> String? {
    _ = try await stage.postgres.run(
      """
      do $$ begin
        if to_regrole('\(IdleSessions.role)') is null then create role \(IdleSessions.role) login; end if;
      end $$
      """)
    let sessions = IdleSessions(socket: await stage.postgres.socketPath)
    let outcome: Result<String?, any Error>
    do {
      outcome = .success(try await hold(sessions, stage))
    } catch {
      outcome = .failure(error)
    }
    await sessions.close()
    return try outcome.get()
  }

  private func hold(_ sessions: IdleSessions, _ stage: FaultStage) async throws -> String? {
    let end = ContinuousClock.now + .seconds(Self.patience)
    var ended = 0
    var seats = try await self.seats(stage)
    // The coordinators connect again as soon as they can: the race for a seat is lost by them sooner or later.
    while seats.coordinators > 0 || sessions.count < seats.free {
      guard ContinuousClock.now < end else { return nil }
      ended += try await endThose(ofCoordinators: stage)
      await sessions.open(seats.free - sessions.count)
      seats = try await self.seats(stage)
    }
    stage.note(.database(isThere: false))
    defer { stage.note(.database(isThere: true)) }
    try await stage.hold(seconds: 8)
    let left = try await self.seats(stage).coordinators
    return left == 0 ? "\(sessions.count) idle sessions, \(ended) back ends ended, none came back" : nil
  }

  /// - Returns: How many sessions the coordinators have, and how many there may be of all that are not reserved for superusers,
  ///   but for those of others that stay. The drill's own questions (`psql`) do not.
  private func seats(_ stage: FaultStage) async throws -> (coordinators: Int, free: Int) {
    let row = try await ask(
      """
      select count(*) filter (where usename = '\(FaultStage.databaseUser)'),
        current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
        - count(*) filter (where usename <> '\(FaultStage.databaseUser)'
            and usename <> '\(IdleSessions.role)' and application_name <> 'psql')
      from pg_stat_activity where backend_type = 'client backend'
      """, stage
    ).split(whereSeparator: \.isWhitespace).compactMap { Int($0) }
    guard row.count == 2 else { throw DrillFailure("the database does not tell who is connected") }
    return (row[0], row[1])
  }

  private func endThose(ofCoordinators stage: FaultStage) async throws -> Int {
    let ended = try await ask(
      """
      select count(pg_terminate_backend(pid)) from pg_stat_activity where usename = '\(FaultStage.databaseUser)'
      """, stage)
    return Int(ended.filter(\.isNumber)) ?? 0
  }

  /// Asks the server, which for a moment may be full of sessions that end or are being refused.
  private func ask(_ query: String, _ stage: FaultStage) async throws -> String {
    let end = ContinuousClock.now + .seconds(Self.patience)
    while true {
      do {
        return try await stage.postgres.run(query)
      } catch {
        guard ContinuousClock.now < end else { throw error }
        try await Task.sleep(for: .milliseconds(100))
      }
    }
  }
}
