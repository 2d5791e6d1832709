import BatonJSON
import BatonShared
import BatonTelemetry
import Hummingbird

/// For load balancers, orchestrators and monitoring.
struct HealthRoutes {
  let coordinator: CoordinatorCore

  func add(to routes: inout Routes) {
    routes.on(.get, "/health", nil) { [coordinator] _, _ in
      .json(Status(status: coordinator.lifecycle.isDraining ? "draining" : "ok"))
    }
    routes.on(.get, "/ready", nil) { [coordinator] _, _ in
      if coordinator.lifecycle.isDraining { throw Problem(.draining, "this coordinator is draining") }
      guard coordinator.lifecycle.isMigrated else { throw Problem.notMigrated }
      try await reachDatabase()
      guard coordinator.lifecycle.databaseAnswers else { throw Problem.silentDatabase }
      return .json(Status(status: "ready"))
    }
    routes.on(
      .get, "/metrics", coordinator.configuration.metricsNeedToken ? Access.Role.allCases : nil, needsDatabase: false
    ) { [coordinator] _, _ in
      // The coordinator's own figures are there even when the database is not.
      if coordinator.lifecycle.isMigrated, let counts = await counts() { coordinator.metrics.update(counts) }
      coordinator.metrics.registry.set(
        "baton_lease_requests_waiting", to: Double(coordinator.dispatcher.waitingCount))
      coordinator.metrics.registry.set("baton_transfer_bytes", to: Double(coordinator.transfers.memory.used))
      coordinator.metrics.registry.set("baton_transfers_waiting", to: Double(coordinator.transfers.memory.waitingCount))
      coordinator.metrics.registry.set("baton_request_bytes", to: Double(coordinator.requestMemory.used))
      coordinator.metrics.registry.set("baton_draining", to: coordinator.lifecycle.isDraining ? 1 : 0)
      return .bytes(
        Array(coordinator.metrics.registry.scrape().utf8), contentType: PrometheusRegistry.contentType)
    }
    routes.on(.get, "/openapi.yaml", nil) { _, _ in
      .bytes(PackageResources.openapi_yaml, contentType: "application/yaml")
    }
    routes.on(.post, "/drain", [], needsDatabase: false) { [coordinator] request, _ in
      try await request.expectNoFields()
      coordinator.beginDrain()
      return .json(Status(status: "draining"), status: .accepted)
    }
    routes.on(.post, "/shutdown", [], needsDatabase: false) { [coordinator] request, _ in
      try await request.expectNoFields()
      guard coordinator.configuration.allowSimulateInterruption else {
        throw Problem(.forbidden, "turned off by ALLOW_SIMULATE_INTERRUPTION=false")
      }
      coordinator.lifecycle.exitNow()
      return .json(Status(status: "stopping"), status: .accepted)
    }
  }

  /// - Throws: What keeps this coordinator from its database, or that it does not answer: a load balancer does not wait long.
  private func reachDatabase() async throws {
    let outcome = await soon(within: .seconds(2)) { [coordinator] () -> Result<Void, any Error> in
      do { return .success(try await coordinator.reach.value()) } catch { return .failure(error) }
    }
    guard let outcome else { throw Problem.slowDatabase }
    try outcome.get()
  }

  /// The census, if it is there before whoever scrapes gives up: a database that hangs is just what is to be seen.
  private func counts() async -> Census.Counts? {
    await soon(within: .seconds(3)) { [coordinator] in try? await coordinator.census.counts() } ?? nil
  }

  private struct Status: JSONEncodable {
    let status: String
    func write(to writer: inout JSONWriter) {
      writer.object { $0.field("status", status) }
    }
  }
}
