import BatonJSON
import BatonShared
import Hummingbird

/// For those who operate queues and fleets.
struct OperationRoutes {
  let coordinator: CoordinatorCore

  func add(to routes: inout Routes) {
    routes.on(.get, "/queues", [.submit]) { [coordinator] request, _ in
      let page = try PageRequest(query: QueryString(request.uri.query))
      let last = try page.cursor { Names.isValid($0) ? $0 : nil }
      return .json(try await coordinator.store.queuePage(limit: page.limit, after: last))
    }
    for (verb, paused) in [("pause", true), ("resume", false)] {
      routes.on(.post, "/queues/{id}/\(verb)", []) { [coordinator] request, context in
        try await request.expectNoFields()
        let name = try context.name("queue", atMost: coordinator.configuration.limits.maxQueueNameBytes)
        try await coordinator.store.setPaused(paused, queue: name)
        if !paused { coordinator.dispatcher.wake([name]) }
        return .json(QueueState(name: name, paused: paused))
      }
    }
    routes.on(.get, "/workers", [.submit]) { [coordinator] request, _ in
      let page = try PageRequest(query: QueryString(request.uri.query))
      let last = try page.cursor { WorkerPlace(cursor: $0) }
      let workers = try await coordinator.store.workers(limit: page.limit, after: last)
      return try .json(workers, counted: coordinator.requestMemory)
    }
    routes.on(.get, "/workers/{id}", [.submit]) { [coordinator] _, context in
      guard let worker = try await coordinator.store.worker(try context.name("worker")) else {
        throw Problem.noSuchWorker
      }
      return .json(worker)
    }
    routes.on(.post, "/workers/{id}/drain", []) { [coordinator] request, context in
      try await request.expectNoFields()
      let id = try context.name("worker")
      guard try await coordinator.store.requestDrain(of: id) else { throw Problem.noSuchWorker }
      coordinator.registry.forget(id)
      coordinator.dispatcher.expel(workerID: id)
      guard let worker = try await coordinator.store.worker(id) else { throw Problem.noSuchWorker }
      return .json(worker)
    }
    routes.on(.get, "/stats", [.submit]) { [coordinator] _, _ in
      let counts = try await coordinator.census.counts()
      return .json(Statistics(jobs: counts.jobs, workers: counts.workers))
    }
  }

  private struct QueueState: JSONEncodable {
    let name: String
    let paused: Bool
    func write(to writer: inout JSONWriter) {
      writer.object { writer in
        writer.field("name", name)
        writer.field("paused", paused)
      }
    }
  }
}

extension Problem {
  static let noSuchWorker = Problem(.notFound, "there is no such worker")
}
