import DequeModule

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// An executor with threads of its own, for code that blocks.
///
/// Swift's cooperative pool has one thread a core; a blocking call on it starves everything else. Work that blocks
/// (a database client library, somebody's own job handler) runs here instead.
///
/// - With one thread it is a serial executor and may be an actor's `unownedExecutor`.
/// - With any number of threads it is a task executor: `withTaskExecutorPreference(executor) { … }`.
///
/// Threads start with the first work and end when the executor is deinitialised, or at ``shutdown()``.
public final class ThreadExecutor: SerialExecutor, TaskExecutor, Sendable {
  private let queue: JobQueue

  /// The name its threads carry (cut to 15 characters, as Linux does).
  public let name: String

  /// - Parameters:
  ///   - name: What its threads are called in a debugger and in `ps`.
  ///   - threads: How many threads at most; with more than one it must not serve as an actor's executor.
  public init(name: String, threads: Int = 1) {
    precondition(threads > 0, "an executor needs a thread")
    self.name = name
    self.queue = JobQueue(name: name, limit: threads)
  }

  deinit {
    queue.shutdown()
  }

  /// How many threads are alive at the moment.
  public var liveThreads: Int { queue.liveThreads }

  /// Ends the threads once the work that is queued has run. Does not wait for them.
  ///
  /// Work that arrives later still runs (an actor whose job never ran would hang its caller for ever), on a thread
  /// that ends again at once.
  public func shutdown() {
    queue.shutdown()
  }

  public func enqueue(_ job: consuming ExecutorJob) {
    queue.append(JobQueue.Entry(job: UnownedJob(job), executor: self))
  }

  public func asUnownedSerialExecutor() -> UnownedSerialExecutor {
    precondition(queue.limit == 1, "an executor with several threads is not serial")
    return UnownedSerialExecutor(ordinary: self)
  }

  /// Traps unless the caller runs on this executor's only thread; `assumeIsolated` relies on it.
  public func checkIsolated() {
    precondition(queue.limit == 1 && JobQueue.current === queue, "not on the thread of \(name)")
  }

  public func isIsolatingCurrentContext() -> Bool? {
    queue.limit == 1 && JobQueue.current === queue
  }

  fileprivate func run(_ job: UnownedJob) {
    if queue.limit == 1 {
      job.runSynchronously(isolatedTo: asUnownedSerialExecutor(), taskExecutor: asUnownedTaskExecutor())
    } else {
      job.runSynchronously(on: asUnownedTaskExecutor())
    }
  }
}

/// What the executor and its threads share. The threads hold this and not the executor, so that an executor nobody
/// uses any more can go away while its threads wait for work.
///
/// One thread is woken at a time. It wakes the next if it leaves work behind: of jobs that are over sooner than a thread
/// is awake one thread does most (and another may be woken in vain), and those that block have others come one after the
/// other. Of the idle threads, the one that has waited for the shortest time is woken.
private final class JobQueue: @unchecked Sendable {
  struct Entry {
    let job: UnownedJob
    /// Keeps the executor alive until the job has run: the runtime is handed an unowned reference to it.
    let executor: ThreadExecutor
  }

  /// One of its threads, as it waits.
  private final class Worker {
    let condition: UnsafeMutablePointer<pthread_cond_t>
    /// Has just been started.
    var isNew = true
    /// Has been woken, and has not looked for work yet.
    var isCalled = false

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

  let limit: Int
  private let name: String
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>

  // Everything below is guarded by `mutex`.
  private var entries = Deque<Entry>()
  private var threads = 0
  private var idle: [Worker] = []
  /// Whether a thread was woken, and has not looked for work yet.
  private var isOneCalled = false
  /// Whether a thread was started, and has not looked for work yet.
  private var isOneStarting = false
  private var isShutDown = false

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

  var liveThreads: Int {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return threads
  }

  func append(_ entry: Entry) {
    pthread_mutex_lock(mutex)
    entries.append(entry)
    let needsThread = callOne()
    pthread_mutex_unlock(mutex)
    if needsThread { startThread() }
  }

  func shutdown() {
    pthread_mutex_lock(mutex)
    isShutDown = true
    for worker in idle { pthread_cond_signal(worker.condition) }
    pthread_mutex_unlock(mutex)
  }

  /// Has a thread come for what waits, unless one is coming already, or all there may be are busy.
  /// - Returns: whether a thread is to be started, once the lock is free again; it is counted already.
  private func callOne() -> Bool {
    guard !entries.isEmpty, !isOneCalled else { return false }
    if let worker = idle.popLast() {
      isOneCalled = true
      worker.isCalled = true
      pthread_cond_signal(worker.condition)
      return false
    }
    guard !isOneStarting, threads < limit else { return false }
    isOneStarting = true
    threads += 1
    return true
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
    pthread_mutex_lock(mutex)
    if worker.isNew { (worker.isNew, isOneStarting) = (false, false) }
    while true {
      if worker.isCalled { (worker.isCalled, isOneCalled) = (false, false) }
      if let entry = entries.popFirst() {
        let needsThread = callOne()
        pthread_mutex_unlock(mutex)
        if needsThread { startThread() }
        return entry
      }
      if isShutDown {
        threads -= 1
        pthread_mutex_unlock(mutex)
        return nil
      }
      idle.append(worker)
      while !worker.isCalled, !isShutDown { pthread_cond_wait(worker.condition, mutex) }
      // At the shutdown nobody has taken it from there.
      if !worker.isCalled { idle.removeAll { $0 === worker } }
    }
  }
}
