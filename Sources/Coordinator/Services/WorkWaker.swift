/// Passes on that jobs became ready, or will: to those who wait for leases, or to the scheduler.
struct WorkWaker: Sendable {
  let dispatcher: LeaseDispatcher
  let scheduler: JobScheduler

  func wake(_ requeued: [Requeued]) async {
    let ready = Set(requeued.filter { $0.dueInSeconds <= 0 }.map(\.queue))
    if !ready.isEmpty { await dispatcher.wake(ready) }
    if let next = requeued.map(\.dueInSeconds).filter({ $0 > 0 }).min() {
      await scheduler.expect(dueInSeconds: next)
    }
  }
}
