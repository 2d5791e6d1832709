import BatonPostgres

/// What other coordinators and SQL users say through the database, passed on to those who wait here.
struct JobNotifier: Sendable {
  let sender: String
  let dispatcher: LeaseDispatcher
  let registry: WorkerRegistry

  func handle(_ event: PostgresListener.Event) {
    switch event {
    case .connected:
      // Something may have been said while nobody listened.
      registry.forgetAll()
      dispatcher.wake(nil)
    case .disconnected:
      break
    case .notification(let channel, let payload):
      switch DatabaseHint(channel: channel, payload: payload, sender: sender) {
      case .work(let queues): dispatcher.wake(queues)
      case .worker(let id):
        registry.forget(id)
        // Shield: a table that cannot be read now must not hold up what is said next. It ends by itself.
        Task { await look(at: id) }
      case nil: break
      }
    }
  }

  /// A worker that waits here may have been told to drain. Whether it was, the table says, not whoever has sent the hint.
  private func look(at id: String) async {
    // If the table cannot be read now, the worker is told with its next heartbeat.
    guard dispatcher.isWaiting(workerID: id), let facts = try? await registry.facts(of: id), facts.isDraining
    else { return }
    dispatcher.expel(workerID: id)
  }
}
