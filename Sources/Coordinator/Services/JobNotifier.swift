import BatonPostgres

/// What other coordinators and SQL users say through the database, passed on to those who wait here.
struct JobNotifier: Sendable {
  let sender: String
  let dispatcher: LeaseDispatcher
  let registry: WorkerRegistry

  func handle(_ event: PostgresListener.Event) async {
    switch event {
    case .connected:
      // Something may have been said while nobody listened.
      await registry.forgetAll()
      await dispatcher.wake(nil)
    case .disconnected:
      break
    case .notification(let channel, let payload):
      guard let colon = payload.firstIndex(of: ":"), payload[..<colon] != sender else { return }
      let text = String(payload[payload.index(after: colon)...])
      if channel == JobStore.jobsChannel {
        await dispatcher.wake(text == "*" ? nil : Set(text.split(separator: ",").map(String.init)))
      } else if channel == JobStore.workersChannel {
        await registry.forget(text)
        await dispatcher.expel(workerID: text)
      }
    }
  }
}
