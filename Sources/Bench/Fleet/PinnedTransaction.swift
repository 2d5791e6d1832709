import Subprocess

extension BenchDatabase {
  private static let pinName = "bench-pin"

  /// Runs `body` while another session keeps a transaction open that has a number of its own and goes on seeing the
  /// database as it was: nothing that dies meanwhile can be cleaned up.
  /// - Throws: `BenchError` when the transaction did not last, and what `body` throws.
  func whilePinned<Result: Sendable>(_ body: @Sendable () async throws -> Result) async throws -> Result {
    let result = try await Subprocess.run(
      .path(.init(binaries.psql)), arguments: Arguments(["-X", "-q", url]),
      environment: .custom(["PATH": "/usr/bin:/bin", "LC_ALL": "C", "PGAPPNAME": Self.pinName]),
      input: .inputWriter, output: .discarded, error: .discarded
    ) { execution in
      // The session ends with its input, that is when this returns.
      _ = try await execution.standardInputWriter.write(
        "begin isolation level repeatable read;\nselect txid_current(), count(*) from jobs;\n")
      try await waitUntil("the pinned transaction") { try await isPinned() }
      let found = try await body()
      guard try await isPinned() else { throw BenchError("the pinned transaction ended before the measurement did") }
      return found
    }
    return result.closureResult
  }

  private func isPinned() async throws -> Bool {
    try await value(
      """
      select exists (select from pg_stat_activity where application_name = '\(Self.pinName)'
        and state = 'idle in transaction' and backend_xid is not null and backend_xmin is not null)
      """) == "t"
  }
}
