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

  func run(_ job: UnownedJob) {
    if queue.limit == 1 {
      job.runSynchronously(isolatedTo: asUnownedSerialExecutor(), taskExecutor: asUnownedTaskExecutor())
    } else {
      job.runSynchronously(on: asUnownedTaskExecutor())
    }
  }
}
