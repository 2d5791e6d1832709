import BatonShared

/// When the attempts of a job began and ended, as the database has it; in seconds since 1970.
struct AttemptTimes: Sendable {
  let started: [Double]
  /// NaN for one that has not ended.
  let ended: [Double]

  static func read(of job: JobID, from database: BenchDatabase) async throws -> AttemptTimes {
    let rows = try await database.query(
      """
      select extract(epoch from started_at)::numeric(20, 6), coalesce(extract(epoch from ended_at)::numeric(20, 6)::text, 'NaN')
      from attempts where job_id = '\(job)' order by attempt
      """)
    return AttemptTimes(started: rows.map { Double($0[0]) ?? .nan }, ended: rows.map { Double($0[1]) ?? .nan })
  }

  /// Milliseconds from the end of each attempt to the beginning of the next.
  var gaps: [Double] { zip(started.dropFirst(), ended).map { ($0 - $1) * 1000 } }
}
