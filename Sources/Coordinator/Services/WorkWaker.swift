/// Passes on that jobs became ready, or will: to those who wait for leases, or to the scheduler.
struct WorkWaker: Sendable {
  let dispatcher: LeaseDispatcher
  let scheduler: JobScheduler

  func wake(_ requeued: some Collection<Requeued>) async {
    guard !requeued.isEmpty else { return }
    let ready = requeued.filter { $0.dueInSeconds <= 0 }
    if !ready.isEmpty { dispatcher.wake(ready) }
    if let next = requeued.lazy.map(\.dueInSeconds).filter({ $0 > 0 }).min() {
      await scheduler.expect(dueInSeconds: next)
    }
  }
}
