import BatonClient
import BatonJSON
import BatonShared
import BatonTestSupport
import Foundation
import Subprocess
import Testing

/// Real programs that speak TLS, ask for tokens, and log everything: what they must keep to themselves, they do.
@Suite(.enabled(if: TestAuthority.isAvailable, Comment(rawValue: TestAuthority.missing)))
struct SecretsTests {
  private struct Made {
    let token: String
    let line: String
    var hash: String { String(line.split(separator: " ").last ?? "") }
  }

  /// As an operator makes them.
  private static func makeToken(role: String) async throws -> Made {
    let result = try await Subprocess.run(
      .path(.init(Executables.path("coordinator"))), arguments: ["token", "--role", role, "--name", "test-\(role)"],
      output: .string(limit: 4096), error: .discarded)
    let lines = result.standardOutput.split(separator: "\n")
    let token = try #require(lines.first?.split(separator: "=").last)
    let line = try #require(lines.last?.split(separator: ": ").last)
    return Made(token: String(token), line: String(line))
  }

  private static func write(_ tokens: [Made], to path: String) throws {
    try (tokens.map(\.line).joined(separator: "\n") + "\n").write(toFile: path, atomically: true, encoding: .utf8)
  }

  private static func commandLine(of process: RunningProcess) -> String {
    let data = process.pid.flatMap { FileManager.default.contents(atPath: "/proc/\($0)/cmdline") }
    return String(decoding: data ?? Data(), as: UTF8.self).replacing("\0", with: " ")
  }

  @Test(.printsLogs) func nothingTellsASecretAndNothingStopsForANewOne() async throws {
    let authority = try await TestAuthority()
    defer { authority.remove() }
    let database = try await TestDatabase.make()
    let password = try #require(database.tcpURL.split(separator: ":").dropFirst(2).first?.split(separator: "@").first)
    let certificate = try await authority.issue()
    let admin = try await Self.makeToken(role: "admin")
    let work = try await Self.makeToken(role: "work")
    let nextWork = try await Self.makeToken(role: "work")

    try await Fleet.with(databaseURL: database.tcpURL, within: .seconds(180)) { fleet in
      let tokens = fleet.folder + "/tokens"
      try Self.write([admin, work], to: tokens)
      let port = FreePorts.next()
      let variables = [
        "PORT": "\(port)", "LEASE_TTL_SECONDS": "10", "DATABASE_CONNECTIONS": "3", "SHUTDOWN_DELAY_SECONDS": "0",
        "EXIT_WITH_PARENT": "true", "TOKENS_FILE": tokens, "TLS_CERTIFICATE_FILE": certificate.certificate,
        "TLS_KEY_FILE": certificate.key, "METRICS_NEED_TOKEN": "true", "LOG_LEVEL": "trace",
      ]
      let coordinator = try await fleet.start(
        "coordinator", program: "coordinator", arguments: ["--database-url", database.tcpURL], environment: variables,
        port: port)
      let address = "https://localhost:\(port)"
      try await coordinator.waitForLog("listening")
      func asking<Answer: Sendable>(_ token: String?, _ request: APIRequest<Answer>) async throws -> Answer {
        try await BatonClient.with(
          .init(address: address, token: token, authoritiesFile: authority.certificate, timeout: .seconds(30))
        ) { try await $0.send(request) }
      }
      _ = try await asking(admin.token, .statistics())
      let worker = try await fleet.startWorker(
        "worker", for: coordinator, slots: 2,
        environment: [
          "COORDINATOR_URL": address, "BATON_TOKEN": work.token, "BATON_CA_FILE": authority.certificate,
          "LOG_LEVEL": "trace",
        ])

      // A job's program may read what is to be read of the worker that started it.
      let curious = try await asking(
        admin.token,
        .submit(
          JobSubmission(
            kind: "exec",
            payload: try RawJSON(
              parsing: #"{"command":["sh","-c","env; tr '\\0' '\\n' < /proc/$PPID/environ; echo done >&2"]}"#)),
          idempotencyKey: "a-key"))
      try await eventually("the end of the job") {
        try await asking(admin.token, .job(curious.id)).status == .done
      }
      let seen = String(decoding: try await asking(admin.token, .logs(curious.id)), as: UTF8.self)
      #expect(seen.contains("BATON_TOKEN=x"), "it did read the worker's environment: \(seen)")
      #expect(!seen.contains(work.token))

      // What jobs are about is none of the programs' business, whether they end well or not.
      let marks = ["payload", "result", "checkpoint", "output", "complaint"].map { "\($0)-\(UUID().uuidString)" }
      let script =
        "printf \(marks[2]) > $BATON_CHECKPOINT_FILE; printf '\"\(marks[1])\"' > $BATON_RESULT_FILE; "
        + "echo \(marks[3]); sleep 1.5; "
      for (end, status) in [("exit 0", JobStatus.done), ("echo \(marks[4]) >&2; exit 3", .failed)] {
        var submission = try JobSubmission.exec(["sh", "-c", script + end], input: #""\#(marks[0])""#)
        submission.maxAttempts = 1
        let job = try await asking(admin.token, .submit(submission, idempotencyKey: nil))
        try await eventually("the end of the job") {
          try await asking(admin.token, .job(job.id)).status == status
        }
        // It is all there, for those whom it is for.
        let shown = try await asking(admin.token, .job(job.id))
        #expect(String(decoding: shown.json, as: UTF8.self).contains(marks[0]))
        let log = String(decoding: try await asking(admin.token, .logs(job.id)), as: UTF8.self)
        #expect(log.contains(marks[3]) && log.contains(marks[4]) == (status == .failed), "\(log)")
        let checkpoint = try await asking(admin.token, .checkpoint(job.id))
        #expect(String(decoding: checkpoint.bytes, as: UTF8.self) == marks[2])
        if status == .done { #expect(String(decoding: shown.json, as: UTF8.self).contains(marks[1])) }
      }
      // What is refused is not repeated.
      let spoilt = JobSubmission(kind: "exec", payload: try RawJSON(parsing: #""\#(marks[0])""#), queue: "no name")
      let refusal = try await #require(throws: Problem.self) {
        try await asking(admin.token, .submit(spoilt, idempotencyKey: nil))
      }
      #expect(refusal.knownCode == .invalidRequest && !"\(refusal) \(refusal.detail)".contains(marks[0]))

      // Flags can be seen by everybody; what they hold is gone once it has been read.
      let long = try await asking(
        admin.token,
        .submit(
          JobSubmission(kind: "sleep", payload: try RawJSON(parsing: #"{"seconds":300}"#)), idempotencyKey: nil))
      let watch = try await fleet.start(
        "watch", program: "baton",
        arguments: [
          "watch", "\(long.id)", "--url", address, "--ca-file", authority.certificate, "--token", admin.token,
        ],
        port: 0)
      try await eventually("the token being gone") {
        let line = Self.commandLine(of: watch)
        return line.contains("--token x") && !line.contains(admin.token)
      }
      #expect(Self.commandLine(of: coordinator).contains("--database-url x"))
      #expect(!Self.commandLine(of: coordinator).contains(password))

      // Rotation: both tokens, then only the new one.
      try Self.write([admin, work, nextWork], to: tokens)
      coordinator.signal(SIGHUP)
      try await coordinator.waitForLog("work 2")
      for token in [work.token, nextWork.token] {
        let refusal = try await #require(throws: Problem.self) { try await asking(token, .statistics()) }
        #expect(refusal.knownCode == .forbidden, "let in, but not for this")
      }
      try Self.write([admin, nextWork], to: tokens)
      coordinator.signal(SIGHUP)
      try await coordinator.waitForLog("work 1, admin 1")
      try await eventually("the old token being refused") {
        let refusal = await #expect(throws: Problem.self) { try await asking(work.token, .statistics()) }
        return refusal?.knownCode == .unauthorized
      }
      // A file that cannot be right, with a token in it that somebody has put there by mistake.
      try "work worker \(nextWork.token)\n".write(toFile: tokens, atomically: true, encoding: .utf8)
      coordinator.signal(SIGHUP)
      try await coordinator.waitForLog("the new tokens are refused")
      _ = try await asking(admin.token, .statistics())

      // A new certificate is noticed without a signal.
      let renewed = try await authority.issue()
      for (source, target) in [(renewed.key, certificate.key), (renewed.certificate, certificate.certificate)] {
        try Data(contentsOf: URL(filePath: source)).write(to: URL(filePath: target))
      }
      try await coordinator.waitForLog("certificate read anew", within: .seconds(40))
      _ = try await asking(admin.token, .statistics())

      // What complains, complains without saying what it was given.
      let stranger = try await fleet.start(
        "stranger", program: "worker",
        environment: [
          "COORDINATOR_URL": address, "BATON_TOKEN": nextWork.token, "PORT": "0", "SPOT_WATCHER_ENABLED": "false",
          "LOG_LEVEL": "trace",
        ], port: 0)
      try await stranger.waitForLog("BATON_CA_FILE names those of a private one")
      let lost = try await fleet.start(
        "lost", program: "coordinator",
        environment: [
          "DATABASE_URL": database.tcpURL.replacing("127.0.0.1", with: "127.0.0.1:1,127.0.0.1"), "PORT": "0",
          "LOG_LEVEL": "trace",
        ], port: 0)
      try await lost.waitForLog("listening")

      let metrics = try await asking(admin.token, APIRequest<[UInt8]>(.get, "/metrics") { $0.body })
      let ownMetrics = try await call("GET", worker.address + "/metrics")
      #expect(try await fleet.count("select count(*) from attempts") >= 2)
      let leases = try await fleet.sql("select lease_id from attempts").map { "\(LeaseID(try $0.uuid(0)))" }
      let told = [
        coordinator.log, worker.log, watch.log, stranger.log, lost.log, String(decoding: metrics, as: UTF8.self),
        ownMetrics.text,
      ].joined(separator: "\n")
      #expect(told.contains("trace") && told.contains("a job starts"), "these are the logs of all levels")
      for secret in [admin, work, nextWork].flatMap({ [$0.token, $0.hash] }) + [String(password)] + leases + marks {
        #expect(!told.contains(secret), "\(secret)")
      }
    }
  }
}
