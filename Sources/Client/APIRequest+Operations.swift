import BatonJSON
import BatonShared

extension APIRequest where Answer == QueueList {
  /// Queues by name, a page of them.
  /// - Parameter cursor: What the page before gave as `nextCursor`.
  public static func queues(cursor: String? = nil) -> Self {
    APIRequest(.get, "/queues", query: cursor.map { [("cursor", $0)] } ?? [])
  }
}

extension APIRequest where Answer == Void {
  /// Stops handing out a queue's jobs. Safe to repeat.
  public static func pauseQueue(_ name: String) -> Self { queue(name, "pause") }

  /// Hands out a paused queue's jobs again. Safe to repeat.
  public static func resumeQueue(_ name: String) -> Self { queue(name, "resume") }

  private static func queue(_ name: String, _ verb: String) -> Self {
    APIRequest(.post, "/queues/\(PercentEncoding.encode(name))/\(verb)", repetition: .always) { _ in }
  }

  /// Tells a worker, with its next heartbeat, to lease nothing more and to hand back what it has. Safe to repeat.
  public static func drainWorker(_ id: String) -> Self {
    APIRequest(.post, "/workers/\(PercentEncoding.encode(id))/drain", repetition: .always) { _ in }
  }

  /// Whether a process can do its work; refused with 503 otherwise.
  public static func ready() -> Self { APIRequest(.get, "/ready", repetition: .once) { _ in } }
}

extension APIRequest where Answer == WorkerList {
  /// Workers, the newest first, a page of them.
  /// - Parameter cursor: What the page before gave as `nextCursor`.
  public static func workers(cursor: String? = nil) -> Self {
    APIRequest(.get, "/workers", query: cursor.map { [("cursor", $0)] } ?? [])
  }
}

extension APIRequest where Answer == WorkerSnapshot {
  public static func worker(_ id: String) -> Self { APIRequest(.get, "/workers/\(PercentEncoding.encode(id))") }
}

extension APIRequest where Answer == Statistics {
  public static func statistics() -> Self { APIRequest(.get, "/stats") }
}
