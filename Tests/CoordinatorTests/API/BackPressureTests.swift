import AsyncHTTPClient
import BatonPostgres
import BatonShared
import BatonTestSupport
import NIOCore
import Testing

@testable import BatonCoordinator

/// A database that accepts everything and answers nothing.
@Suite(.serialized) struct BackPressureTests {
  @Test func requestsToADatabaseThatHangsAreRefusedInsteadOfPilingUp() async throws {
    try await RunningCoordinator.run { coordinator, database async throws in
      let api = coordinator.api
      let blocker = try await database.connect()
      try await blocker.query("set idle_in_transaction_session_timeout = 0")
      try await blocker.query("begin")
      try await blocker.query("lock table jobs in access exclusive mode")

      let payload = String(repeating: "x", count: 16 << 10)
      let body = ByteBuffer(string: #"{"kind":"a","payload":"\#(payload)"}"#)
      var configuration = HTTPClient.Configuration()
      configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 250
      // Also the time that a request may wait for one of the connections.
      configuration.timeout.connect = .seconds(120)
      let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
      let answers: [UInt: Int]
      do {
        answers = try await Self.flood(client, api, body) {
          // What it says of itself does not hang, and shows no memory that those who were refused have left behind.
          #expect(try await api.get("/health").status == 200)
          let held = try await api.metric("baton_request_bytes") ?? -1
          #expect(held >= 0 && held < 1000 * Double(payload.utf8.count + 100))
          try await blocker.query("rollback")
        }
      } catch {
        try await client.shutdown()
        throw error
      }
      try await client.shutdown()
      #expect(Set(answers.keys).isSubset(of: [201, 503]), "\(answers)")
      try await eventually("a job") { try await api.post("/jobs", #"{"kind":"b"}"#).status == 201 }
      let promised = answers[201, default: 0] + 1
      #expect(
        try await blocker.query("select count(*) from jobs")[0].int(0) >= promised, "what was answered 201 is there")
      try await eventually("all memory back") { try await api.metric("baton_request_bytes") == 0 }
    }
  }

  /// - Parameter release: Called when nearly all were answered 503; the few at the database go on after it.
  /// - Returns: how many answers there were of each status.
  private static func flood(
    _ client: HTTPClient, _ api: API, _ body: ByteBuffer, release: () async throws -> Void
  ) async throws -> [UInt: Int] {
    try await withThrowingTaskGroup(of: (status: UInt, hasRetryAfter: Bool).self) { group in
      for _ in 0..<5000 {
        group.addTask {
          var request = HTTPClientRequest(url: "http://127.0.0.1:\(api.port)/jobs")
          request.method = .POST
          request.body = .bytes(body)
          let response = try await client.execute(request, timeout: .seconds(120))
          _ = try await response.body.collect(upTo: 1 << 20)
          return (response.status.code, response.headers.first(name: "retry-after") != nil)
        }
      }
      var answers: [UInt: Int] = [:]
      for try await answer in group {
        answers[answer.status, default: 0] += 1
        guard answer.status == 503 else { continue }
        #expect(answer.hasRetryAfter)
        if answers[503] == 4000 {
          #expect(answers.count == 1)
          try await release()
        }
      }
      return answers
    }
  }

  /// PostgreSQL says so, and goes on; it has room again when somebody has made some.
  @Test(arguments: ["53100", "53200", "53400", "55P03", "57014"])
  func aDatabaseWithoutRoomIsA503(state: String) async throws {
    try await RunningCoordinator.run { coordinator, database async throws in
      let sql = try await database.connect()
      try await sql.query(
        """
        create function full_up() returns trigger language plpgsql
          as $$ begin raise 'no room' using errcode = '\(state)'; end $$
        """)
      try await sql.query("create trigger full_up before insert on jobs for each row execute function full_up()")
      let answer = try await coordinator.api.post("/jobs", #"{"kind":"a"}"#)
      #expect(answer.status == 503 && answer.headers.first(name: "retry-after") == "1")
      #expect(try answer.problem().code == "database_unavailable")
      try await sql.query("drop trigger full_up on jobs")
      try await coordinator.api.submit()
    }
  }

  @Test func bodiesForWhichThereIsNoMemoryAreRefused() async throws {
    let configuration = CoordinatorConfiguration.testing { $0.limits.maxRequestMemoryBytes = 1 << 20 }
    try await RunningCoordinator.run(configuration: configuration) { coordinator, database async throws in
      let api = coordinator.api
      let blocker = try await database.connect()
      try await blocker.query("set idle_in_transaction_session_timeout = 0")
      try await blocker.query("begin")
      try await blocker.query("lock table jobs in access exclusive mode")
      let payload = String(repeating: "x", count: 600 << 10)
      async let first = api.post("/jobs", #"{"kind":"a","payload":"\#(payload)"}"#)
      try await eventually("the first") { try await api.metric("baton_request_bytes") ?? 0 > 600_000 }
      let second = try await api.post("/jobs", #"{"kind":"a","payload":"\#(payload)"}"#)
      #expect(second.status == 503 && second.headers.first(name: "retry-after") != nil)
      #expect(try second.problem().code == "overloaded")
      try await blocker.query("rollback")
      #expect(try await first.status == 201)
      #expect(try await api.post("/jobs", #"{"kind":"a","payload":"\#(payload)"}"#).status == 201)
    }
  }
}
