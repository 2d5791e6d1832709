import DequeModule

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// What an executor and its threads share. The threads hold this and not the executor, so that an executor nobody uses
/// any more can go away while its threads wait for work.
///
/// There may be many threads, for jobs that block; but of jobs that are soon over, no more are run at once than there are
/// cores. More threads would only be in each other's way: they share locks, and a thread that has to wait for one is two
/// changes of threads. So while as many threads are busy as there are cores, no other is woken until one of them has been
/// at its job for a millisecond. That one counts as blocked then, and another may take its place; where they block one
/// after the other, twice as many each millisecond.
///
/// One thread is woken at a time. It wakes the next if it leaves work behind. Of the idle threads, the one that has waited
/// for the shortest time is woken.
final class JobQueue: @unchecked Sendable {
  struct Entry {
    let job: UnownedJob
    /// Keeps the executor alive until the job has run: the runtime is handed an unowned reference to it.
    let executor: ThreadExecutor
  }

  /// One of its threads.
  private final class Worker {
    let condition: UnsafeMutablePointer<pthread_cond_t>
    /// Has just been started.
    var isNew = true
    /// Has been woken, and has not looked for work yet.
    var isCalled = false
    /// The number of the job that it runs; nil while it runs none.
    var job: UInt64?
    /// Whether it has been at that job for so long that it counts as blocked.
    var isLong = false

    init() {
      condition = .allocate(capacity: 1)
      condition.initialize(to: pthread_cond_t())
      pthread_cond_init(condition, nil)
    }

    deinit {
      pthread_cond_destroy(condition)
      condition.deinitialize(count: 1).deallocate()
    }
  }

  /// A job that takes longer counts as one that blocks.
  private static let short = Duration.milliseconds(1)
  private static let cores = max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))

  let limit: Int
  private let name: String
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>

  // Everything below is guarded by `mutex`.
  private var entries = Deque<Entry>()
  private var workers: [Worker] = []
  private var idle: [Worker] = []
  /// Whether a thread was woken, and has not looked for work yet.
  private var isOneCalled = false
  /// Whether a thread was started, and has not looked for work yet.
  private var isOneStarting = false
  private var isShutDown = false

  private var lastJob: UInt64 = 0
  /// How many threads count as blocked.
  private var longCount = 0
  /// How many others may be busy before one has to be looked at.
  private var shortLimit = JobQueue.cores
  /// The newest job when a look was asked for that has not come yet.
  private var looksAt: UInt64?

  init(name: String, limit: Int) {
    self.name = name
    self.limit = limit
    mutex = .allocate(capacity: 1)
    mutex.initialize(to: pthread_mutex_t())
    pthread_mutex_init(mutex, nil)
  }

  deinit {
    pthread_mutex_destroy(mutex)
    mutex.deinitialize(count: 1).deallocate()
  }

  /// The queue whose thread this is, if it is one.
  static var current: JobQueue? {
    guard let pointer = pthread_getspecific(threadKey) else { return nil }
    return Unmanaged<JobQueue>.fromOpaque(pointer).takeUnretainedValue()
  }

  private static let threadKey: pthread_key_t = {
    var key = pthread_key_t()
    let status = pthread_key_create(&key, nil)
    precondition(status == 0, "no thread-specific key: \(status)")
    return key
  }()

  var liveThreads: Int { locked { threads } }

  private var threads: Int { workers.count + (isOneStarting ? 1 : 0) }

  private func locked<Result>(_ body: () -> Result) -> Result {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return body()
  }

  func append(_ entry: Entry) {
    let needsThread = locked {
      entries.append(entry)
      return callOne()
    }
    if needsThread { startThread() }
  }

  func shutdown() {
    locked {
      isShutDown = true
      for worker in idle { pthread_cond_signal(worker.condition) }
    }
  }

  /// Threads that are busy, or coming, and do not count as blocked.
  private var shortCount: Int { threads - idle.count - longCount }

  /// Has a thread come for what waits, unless one is coming already, or all there may be are busy.
  /// - Returns: Whether a thread is to be started, once the lock is free again; it is counted already.
  private func callOne() -> Bool {
    guard !entries.isEmpty, !isOneCalled else { return false }
    guard limit <= Self.cores || shortCount < shortLimit else {
      lookLater()
      return false
    }
    if let worker = idle.popLast() {
      isOneCalled = true
      worker.isCalled = true
      pthread_cond_signal(worker.condition)
      return false
    }
    guard !isOneStarting, threads < limit else { return false }
    isOneStarting = true
    return true
  }

  private func lookLater() {
    guard looksAt == nil else { return }
    looksAt = lastJob
    _ = AlarmClock.shared.set(at: .now + Self.short) { [weak self] in self?.look() }
  }

  /// Who still runs the job that it ran when this look was asked for is blocked, for all that is known.
  private func look() {
    let needsThread = locked {
      guard let newest = looksAt else { return false }
      looksAt = nil
      var isAny = false
      for worker in workers where !worker.isLong && worker.job.map({ $0 <= newest }) ?? false {
        worker.isLong = true
        longCount += 1
        isAny = true
      }
      if isAny { shortLimit = min(2 * shortLimit, limit) }
      return callOne()
    }
    if needsThread { startThread() }
  }

  private func startThread() {
    BlockingThread.start(name: name) {
      pthread_setspecific(Self.threadKey, Unmanaged.passUnretained(self).toOpaque())
      let worker = Worker()
      while let entry = self.next(worker) { entry.executor.run(entry.job) }
    }
  }

  /// Waits for the next job; nil when the thread is to end.
  private func next(_ worker: Worker) -> Entry? {
    let (entry, needsThread) = locked { take(worker) }
    if needsThread { startThread() }
    return entry
  }

  private func take(_ worker: Worker) -> (Entry?, needsThread: Bool) {
    if worker.isNew {
      (worker.isNew, isOneStarting) = (false, false)
      workers.append(worker)
    }
    if worker.isLong {
      worker.isLong = false
      longCount -= 1
    } else if worker.job != nil {
      shortLimit = Self.cores
    }
    worker.job = nil
    while true {
      if worker.isCalled { (worker.isCalled, isOneCalled) = (false, false) }
      // Where others have taken the place of one that was not blocked after all, there is one too many.
      let isTooMany = limit > Self.cores && shortCount > shortLimit && !isShutDown
      if !isTooMany, let entry = entries.popFirst() {
        lastJob += 1
        worker.job = lastJob
        return (entry, callOne())
      }
      if isShutDown {
        workers.removeAll { $0 === worker }
        return (nil, false)
      }
      idle.append(worker)
      // The others may block.
      if !entries.isEmpty { lookLater() }
      while !worker.isCalled, !isShutDown { pthread_cond_wait(worker.condition, mutex) }
      // At the shutdown nobody has taken it from there.
      if !worker.isCalled { idle.removeAll { $0 === worker } }
    }
  }
}
