import BatonTestSupport
import Testing

@testable import BatonPostgres

@Suite struct ConfigurationTests {
  @Test(arguments: [
    "postgresql://ann:hunter2@db.example:5433/jobs?sslmode=require",
    "host=db.example port=5433 user=ann password=hunter2 dbname=jobs",
    "postgresql://ann@a.example,db.example:5433/jobs?password=hunter2&target_session_attrs=read-write",
  ])
  func descriptionShowsTheAddressAndNeverThePassword(_ url: String) {
    let configuration = PostgresConfiguration(url: url)
    for text in ["\(configuration)", String(reflecting: configuration), dumped(configuration)] {
      #expect(text.contains("db.example"))
      #expect(!text.contains("hunter2"))
    }
  }

  private func dumped(_ value: Any) -> String {
    var text = ""
    dump(value, to: &text)
    return text
  }

  @Test(arguments: [
    "postgresql://ann:hunter2/x@db.example/jobs", "host=localhost hunter2", "postgresql://u:p@h/db?nonsense=hunter2",
    "postgresql://ann:p@hunter2@db.example/jobs", "postgresql://ann:p@hunter2@db.example:5433,other.example/jobs",
    "postgresql://ann:12/hunter2@db.example/jobs", "postgresql://ann:70?@8/hunter2@127.0.0.1:1",
  ])
  func mistakesInTheConnectionStringDoNotShowThePassword(_ url: String) async {
    let error = await #expect(throws: PostgresError.self) {
      try await PostgresConnection.connect(PostgresConfiguration(url: url), logger: .quiet)
    }
    #expect(error?.isConnectionFailure == true)
    #expect(error?.description.contains("hunter2") == false)
    #expect(!"\(PostgresConfiguration(url: url))".contains("hunter2"))
  }

  @Test func sessionIsSetUpAsConfigured() async throws {
    var configuration = try await TestDatabase.make().configuration
    configuration.statementTimeout = .milliseconds(12_345)
    configuration.applicationName = "tester"
    let connection = try await PostgresConnection.connect(configuration, logger: .quiet)
    let row = try await connection.query(
      """
      SELECT current_setting('statement_timeout') a, current_setting('application_name') b,
        current_setting('client_encoding') c
      """)[0]
    #expect(try row.text("a") == "12345ms")
    #expect(try row.text("b") == "tester")
    #expect(try row.text("c") == "UTF8")
  }

  @Test func settingsInTheURLWin() async throws {
    let url = try await TestDatabase.make().url
    let configuration = PostgresConfiguration(
      url: url + "&application_name=mine&options=-c%20statement_timeout%3D7s")
    let connection = try await PostgresConnection.connect(configuration, logger: .quiet)
    let row = try await connection.query(
      "SELECT current_setting('statement_timeout') a, current_setting('application_name') b")[0]
    #expect(try row.text("a") == "7s")
    #expect(try row.text("b") == "mine")
  }

  @Test func whatLooksLikeAURLWithinAPasswordIsNone() {
    #expect(PostgresConfiguration(url: "host=db user=ann password=a://b/c@d").mistake == nil)
    #expect(PostgresConfiguration(url: "postgresql://ann:a/b@c@db/baton").mistake != nil)
  }

  @Test func severalHostsAreTriedInTurn() async throws {
    let url = try await TestDatabase.make().url
    // Nothing listens in the first directory.
    let several = url.replacing("host=", with: "host=%2Ftmp%2Fnobody-listens-here,")
      .replacing("&port=", with: "&port=1,")
    let connection = try await PostgresConnection.connect(PostgresConfiguration(url: several), logger: .quiet)
    #expect(try await connection.query("SELECT 1").count == 1)
  }
}
