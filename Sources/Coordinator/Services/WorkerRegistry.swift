import BatonShared

/// Remembers what leasing must know of a worker, so that not every request asks the database.
actor WorkerRegistry {
  private struct Entry {
    var facts: WorkerFacts
    var readAt: ContinuousClock.Instant
  }

  private let store: JobStore
  /// A thousand workers that come at once, to a coordinator that has just come back, are one statement or two.
  let recogniser: Batcher<String, WorkerFacts>
  /// Also how long a worker that never sends a heartbeat counts as alive after asking for work.
  private let silentAfterSeconds: Double
  private var entries: [String: Entry] = [:]
  private var sweptAt = ContinuousClock.now

  init(store: JobStore, silentAfterSeconds: Double) {
    self.store = store
    recogniser = Batcher { try await store.recognise($0, silentAfterSeconds: silentAfterSeconds) }
    self.silentAfterSeconds = silentAfterSeconds
  }

  /// What is known of a worker; one never heard of is registered with unknown capacity.
  func facts(of id: String) async throws -> WorkerFacts {
    let now = ContinuousClock.now
    if let entry = entries[id], now - entry.readAt < freshness { return entry.facts }
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
    entries[id] = Entry(facts: facts, readAt: now)
    if now - sweptAt > freshness {
      entries = entries.filter { now - $0.value.readAt < freshness }
      sweptAt = now
    }
  }

  func forget(_ id: String) { entries[id] = nil }
  func forgetAll() { entries = [:] }

  private var freshness: Duration { .seconds(silentAfterSeconds / 2) }
}
