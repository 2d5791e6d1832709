import BatonShared
import Synchronization

/// Remembers what leasing must know of a worker, so that not every request asks the database.
final class WorkerRegistry: Sendable {
  private struct Entry {
    var facts: WorkerFacts
    var readAt: ContinuousClock.Instant
  }

  private struct Memory {
    var entries: [String: Entry] = [:]
    var sweptAt = ContinuousClock.now
  }

  private let store: JobStore
  /// A thousand workers that come at once, to a coordinator that has just come back, are one statement or two.
  let recogniser: Batcher<String, WorkerFacts>
  /// Also how long a worker that never sends a heartbeat counts as alive after asking for work.
  private let silentAfterSeconds: Double
  private let memory = Mutex(Memory())

  init(store: JobStore, silentAfterSeconds: Double) {
    self.store = store
    recogniser = Batcher(lanes: 1) { try await store.recognise($0, silentAfterSeconds: silentAfterSeconds) }
    self.silentAfterSeconds = silentAfterSeconds
  }

  /// What is known of a worker; one never heard of is registered with unknown capacity.
  func facts(of id: String) async throws -> WorkerFacts {
    let now = ContinuousClock.now
    if let entry = memory.withLock({ $0.entries[id] }), now - entry.readAt < freshness { return entry.facts }
    let facts = try await recogniser.submit(id)
    remember(id, facts)
    return facts
  }

  func register(_ id: String, _ worker: WorkerRegistration) async throws -> WorkerFacts {
    let facts = try await store.register(id, worker, silentAfterSeconds: silentAfterSeconds)
    remember(id, facts)
    return facts
  }

  func remember(_ id: String, _ facts: WorkerFacts) {
    let now = ContinuousClock.now
    memory.withLock { memory in
      memory.entries[id] = Entry(facts: facts, readAt: now)
      if now - memory.sweptAt > freshness {
        memory.entries = memory.entries.filter { now - $0.value.readAt < freshness }
        memory.sweptAt = now
      }
    }
  }

  func forget(_ id: String) { memory.withLock { $0.entries[id] = nil } }
  func forgetAll() { memory.withLock { $0.entries = [:] } }

  private var freshness: Duration { .seconds(silentAfterSeconds / 2) }
}
