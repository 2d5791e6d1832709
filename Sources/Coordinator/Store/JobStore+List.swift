import BatonJSON
import BatonPostgres
import BatonShared

/// What to list. Ids of jobs grow with time, so an id is the cursor.
struct JobListing: Sendable {
  var status: JobStatus?
  var queue: String?
  var kind: String?
  /// All of these must match.
  var tags: [String: String] = [:]
  var limit = 50
  /// Only jobs older than this one.
  var before: JobID?
}

extension JobStore {
  /// The most bytes of payloads and results in a page; one with larger ones has fewer jobs.
  static let maximumPageBytes = 8 << 20

  /// A page of jobs, newest first.
  func list(_ listing: JobListing) async throws(PostgresError) -> JobPage {
    var parameters: [PostgresValue] = []
    var conditions: [String] = []
    func place(_ value: PostgresValue) -> String {
      parameters.append(value)
      return "$\(parameters.count)"
    }
    if let status = listing.status {
      // The word itself, not a parameter: only so can the planner use an index that holds nothing else.
      conditions.append("status = '\(status.rawValue)'")
      switch status {
      case .processing: conditions.append("jobs.id in (select job_id from attempts where outcome is null)")
      case .failed, .cancelled: conditions.append("status in ('failed', 'cancelled')")
      case .queued, .done: break
      }
    }
    if let queue = listing.queue { conditions.append("queue = \(place(.text(queue)))") }
    if let kind = listing.kind { conditions.append("kind = \(place(.text(kind)))") }
    if !listing.tags.isEmpty {
      var writer = JSONWriter()
      writer.object { writer in
        for (name, text) in listing.tags.sorted(by: { $0.key < $1.key }) { writer.field(name, text) }
      }
      conditions.append("tags <> '{}' and tags @> (\(place(.json(writer.bytes))))::jsonb")
    }
    if let before = listing.before { conditions.append("jobs.id < \(place(.uuid(before.uuid)))") }
    let filter = conditions.isEmpty ? "" : "where " + conditions.joined(separator: " and ")
    let limit = place(.int4(Int32(listing.limit + 1)))
    let rows = try await database.query(
      """
      with page as (
        select id, octet_length(payload::text) + coalesce(octet_length(result::text), 0) as size
        from jobs \(filter) order by id desc limit \(limit)
      ), sized as (
        select id, count(*) over () as found, row_number() over newest as rank, sum(size) over newest as total
        from page window newest as (order by id desc)
      )
      select \(Self.jobColumns), found from sized join jobs using (id) \(Self.jobJoins)
      where rank = 1 or total <= \(Self.maximumPageBytes) order by jobs.id desc
      """, parameters)
    var jobs: [JobSnapshot] = []
    for row in rows.prefix(listing.limit) { jobs.append(try JobSnapshot(row)) }
    let found = try rows.first?.int("found") ?? 0
    return JobPage(jobs: jobs, nextCursor: found > jobs.count ? jobs.last?.id.description : nil)
  }
}
