import NIOCore
import NIOPosix
import Synchronization

/// An event loop as what tasks run on.
final class EventLoopExecutor: TaskExecutor {
  private struct Pending {
    var jobs: [UnownedJob] = []
    var isScheduled = false
  }

  /// Those of the process's event loops.
  static let all = MultiThreadedEventLoopGroup.singleton.makeIterator().map { EventLoopExecutor($0) }

  private let loop: any EventLoop
  private let pending = Mutex(Pending())

  private init(_ loop: any EventLoop) { self.loop = loop }

  /// That of a loop of the process's.
  static func of(_ loop: any EventLoop) -> EventLoopExecutor {
    all.first { $0.loop === loop } ?? EventLoopExecutor(loop)
  }

  /// What comes together is one call of the loop's.
  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    let isFirst = pending.withLock { pending in
      pending.jobs.append(job)
      defer { pending.isScheduled = true }
      return !pending.isScheduled
    }
    if isFirst { loop.execute { self.run() } }
  }

  private func run() {
    let jobs = pending.withLock { pending in
      defer { pending.jobs = [] }
      return pending.jobs
    }
    for job in jobs { job.runSynchronously(on: asUnownedTaskExecutor()) }
    // What these have left to do comes behind what else the loop was given.
    let isMore = pending.withLock { pending in
      pending.isScheduled = !pending.jobs.isEmpty
      return pending.isScheduled
    }
    if isMore { loop.execute { self.run() } }
  }
}
