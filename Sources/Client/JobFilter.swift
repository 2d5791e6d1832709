import BatonShared

/// Which jobs a list shows.
public struct JobFilter: Sendable, Hashable {
  public var status: JobStatus?
  public var queue: String?
  public var kind: String?
  /// Tags that a job must carry, all of them.
  public var tags: [String: String]

  public init(status: JobStatus? = nil, queue: String? = nil, kind: String? = nil, tags: [String: String] = [:]) {
    self.status = status
    self.queue = queue
    self.kind = kind
    self.tags = tags
  }

  var query: [(name: String, value: String)] {
    var query: [(name: String, value: String)] = []
    if let status { query.append(("status", status.rawValue)) }
    if let queue { query.append(("queue", queue)) }
    if let kind { query.append(("kind", kind)) }
    for (tag, text) in tags.sorted(by: { $0.key < $1.key }) { query.append(("tag.\(tag)", text)) }
    return query
  }
}
