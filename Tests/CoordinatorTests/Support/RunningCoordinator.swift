import AsyncHTTPClient
import BatonJSON
import BatonShared
import BatonTestSupport
import Logging
import NIOCore
import NIOHTTP1
import ServiceLifecycle
import Testing

@testable import BatonCoordinator

/// A coordinator that serves on a port of its own, within this process.
struct RunningCoordinator: Sendable {
  let api: API
  let group: ServiceGroup

  /// Serves as long as `body` runs, then drains and stops.
  @discardableResult
  static func run<Result: Sendable>(
    databaseURL: String, configuration: CoordinatorConfiguration = .testing, logger: Logger = .quiet,
    onExit: @escaping @Sendable () -> Void = {},
    _ body: @Sendable @escaping (RunningCoordinator) async throws -> Result
  ) async throws -> Result {
    var configuration = configuration
    configuration.databaseURL = databaseURL
    configuration.databaseConnections = 6
    let coordinator = try Coordinator(configuration: configuration, logger: logger, onExit: onExit)
    let (ports, continuation) = AsyncStream.makeStream(of: Int.self)
    let service = CoordinatorService(coordinator: coordinator, ports: continuation)
    return try await withServices([service]) { group in
      for await port in ports {
        return try await body(RunningCoordinator(api: API(port: port), group: group))
      }
      throw Unexpected("the coordinator does not listen")
    }
  }

  /// With a database of its own, ready.
  @discardableResult
  static func run<Result: Sendable>(
    configuration: CoordinatorConfiguration = .testing,
    _ body: @Sendable @escaping (RunningCoordinator, TestDatabase) async throws -> Result
  ) async throws -> Result {
    let database = try await TestDatabase.make()
    return try await run(databaseURL: database.url, configuration: configuration) { coordinator in
      try await coordinator.api.untilReady()
      return try await body(coordinator, database)
    }
  }

  private struct CoordinatorService: Service {
    let coordinator: Coordinator
    let ports: AsyncStream<Int>.Continuation

    func run() async throws {
      // Whoever waits for the port of a coordinator that cannot listen must not wait for ever.
      defer { ports.finish() }
      try await coordinator.run { [ports] in ports.yield($0) }
    }
  }
}

extension CoordinatorConfiguration {
  /// Any free port, no time for a load balancer to notice anything, and no second look at the queues: whoever waits
  /// for a lease gets one because something woke it, or not at all.
  static var testing: CoordinatorConfiguration { testing { _ in } }

  static func testing(_ change: (inout CoordinatorConfiguration) -> Void) -> CoordinatorConfiguration {
    var configuration = CoordinatorConfiguration()
    configuration.port = 0
    configuration.shutdownDelaySeconds = 0
    // No lease of a test that does not want it to expires, however slow the machine is.
    configuration.leaseTTLSeconds = 300
    configuration.heartbeatSeconds = 100
    configuration.leaseRecheckInterval = .seconds(3600)
    change(&configuration)
    return configuration
  }
}

/// A client that says what it is told to say, right or wrong.
struct API: Sendable {
  let port: Int
  var token: String?

  func with(token: String?) -> API { API(port: port, token: token) }

  func send(
    _ method: String, _ path: String, _ body: [UInt8]? = nil, headers: [String: String] = [:],
    timeout: Duration = .seconds(30)
  ) async throws -> Answer {
    var request = HTTPClientRequest(url: "http://127.0.0.1:\(port)\(path)")
    request.method = HTTPMethod(rawValue: method)
    if let token { request.headers.add(name: "Authorization", value: "Bearer \(token)") }
    for (name, value) in headers { request.headers.replaceOrAdd(name: name, value: value) }
    if let body { request.body = .bytes(ByteBuffer(bytes: body)) }
    let response = try await HTTPClient.shared.execute(
      request, timeout: .nanoseconds(Int64(timeout / .nanoseconds(1))))
    let content = try await response.body.collect(upTo: 64 << 20)
    let answer = Answer(
      status: Int(response.status.code), headers: response.headers, bytes: Array(content.readableBytesView))
    // Whatever a test asks for is answered as the document says.
    let complaints = try OpenAPIDescription.shared.get().complaints(
      method: method, path: path, status: answer.status,
      headers: Dictionary(response.headers.map { ($0.name.lowercased(), $0.value) }) { $1 }, body: answer.bytes)
    for complaint in complaints { Issue.record(Comment(rawValue: complaint)) }
    return answer
  }

  func get(_ path: String) async throws -> Answer { try await send("GET", path) }

  func post(_ path: String, _ json: String = "", headers: [String: String] = [:]) async throws -> Answer {
    try await send("POST", path, json.isEmpty ? nil : Array(json.utf8), headers: headers)
  }

  func put(_ path: String, _ json: String) async throws -> Answer { try await send("PUT", path, Array(json.utf8)) }

  // MARK: Shorthands

  func untilReady() async throws {
    try await eventually("readiness") { try await get("/ready").status == 200 }
  }

  @discardableResult
  func submit(_ json: String = #"{"kind":"test"}"#) async throws -> JobSnapshot {
    try await post("/jobs", json).read(JobSnapshot.self, status: 201)
  }

  func job(_ id: JobID) async throws -> JobSnapshot { try await get("/jobs/\(id)").read(JobSnapshot.self) }

  func lease(
    _ worker: String = "w-1", max: Int = 1, wait: Double = 0, queues: String = #"["default"]"#
  ) async throws -> [LeaseGrant] {
    try await post(
      "/leases", #"{"worker_id":"\#(worker)","max":\#(max),"queues":\#(queues),"wait_seconds":\#(wait)}"#
    ).read(LeaseGrants.self).leases
  }

  /// Returns once so many requests wait for leases there.
  func untilWaiting(_ count: Int) async throws {
    try await eventually("\(count) long polls") {
      try await metric("baton_lease_requests_waiting") == Double(count)
    }
  }

  /// The value of a metric, its labels included in the name.
  func metric(_ name: String) async throws -> Double? {
    try await get("/metrics").text.split(separator: "\n").first { $0.hasPrefix(name + " ") }
      .flatMap { Double($0.dropFirst(name.count + 1)) }
  }

  func settle(_ lease: LeaseID, _ outcome: String = "done") async throws -> SettleStatus? {
    try await post("/leases/settle", #"{"results":[{"lease_id":"\#(lease)","outcome":"\#(outcome)"}]}"#)
      .read(SettleReply.self).results.first?.status
  }
}

struct Answer: Sendable {
  let status: Int
  let headers: HTTPHeaders
  let bytes: [UInt8]

  var text: String { String(decoding: bytes, as: UTF8.self) }

  func read<Value: JSONDecodable>(_ type: Value.Type, status expected: Int = 200) throws -> Value {
    guard status == expected else { throw Unexpected("\(status) instead of \(expected): \(text.prefix(500))") }
    guard headers.first(name: "content-type") == "application/json" else {
      throw Unexpected("content type \(headers.first(name: "content-type") ?? "none")")
    }
    return try Value(json: bytes)
  }

  /// The error that this answer must be.
  func problem() throws -> Problem {
    guard headers.first(name: "content-type") == "application/problem+json" else {
      throw Unexpected("not a problem but \(status): \(text.prefix(500))")
    }
    let problem = try Problem(json: bytes)
    guard problem.status == status, !problem.title.isEmpty, !problem.detail.isEmpty else {
      throw Unexpected("an incomplete problem: \(text)")
    }
    return problem
  }
}
