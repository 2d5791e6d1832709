import BatonShared
import BatonTestSupport
import Testing

@testable import BatonCoordinator

/// docs/openapi.yaml and the server say the same. That each answer is as it says is checked wherever a test asks for one.
@Suite struct OpenAPITests {
  @Test func theDocumentIsServedAsItIs() async throws {
    let document = try String(contentsOfFile: OpenAPIDescription.path, encoding: .utf8)
    // Also before the database has been reached, and to everybody.
    try await RunningCoordinator.run(databaseURL: "postgresql://127.0.0.1:1/nowhere") { coordinator async throws in
      let answer = try await coordinator.api.get("/openapi.yaml")
      #expect(answer.status == 200 && answer.text == document)
      #expect(answer.headers.first(name: "content-type") == "application/yaml")
    }
  }

  @Test func everyRouteIsDescribedAndEveryDescriptionIsARoute() throws {
    let description = try OpenAPIDescription.shared.get()
    let routes = try Coordinator(configuration: .testing, logger: .quiet) {}.makeRoutes()
    func plain(_ operation: String) -> String { operation.replacing(/\{[^}]*\}/, with: "{}") }
    let served = Set(routes.decisions.map { plain("\($0.method.rawValue) \($0.path)") })
    #expect(served == Set(description.operations.map(plain)))
    for decision in routes.decisions {
      let item = description.root["paths"]?.fields.first { plain($0.key) == plain(decision.path) }?.value
      let operation = item?[decision.method.rawValue.lowercased()]
      let answers = Set(operation?["responses"]?.fields.keys.map { $0 } ?? [])
      // /metrics can be made to ask for a token.
      let asksForToken = decision.roles != nil || decision.path == "/metrics"
      #expect((operation?["security"] == .array([])) == !asksForToken, "\(decision.path)")
      #expect(answers.isSuperset(of: asksForToken ? ["401", "403", "503"] : []), "\(decision.path)")
      #expect(answers.isSuperset(of: ["400", "408", "414", "431"]), "\(decision.path)")
      if operation?["requestBody"] != nil { #expect(answers.contains("413"), "\(decision.path)") }
    }
  }

  @Test func everyCodeOfAProblemIsDescribed() throws {
    let description = try OpenAPIDescription.shared.get()
    let described = description.root["components"]?["schemas"]?["Problem"]?["properties"]?["code"]?["enum"]?.items
    #expect(
      Set(described?.compactMap(\.text) ?? [])
        == Set(Problem.Code.allCases.map(\.rawValue) + [Problem.overloaded("").code]))
  }

  @Test func theCheckerFindsWhatIsWrong() throws {
    let description = try OpenAPIDescription.shared.get()
    func complaints(_ path: String, _ status: Int, _ type: String, _ body: String, method: String = "GET") -> Int {
      description.complaints(
        method: method, path: path, status: status, headers: ["content-type": type], body: Array(body.utf8)
      ).count
    }
    let problem = #"{"status":404,"title":"Not found","detail":"x","code":"not_found"}"#
    #expect(complaints("/health", 200, "application/json", #"{"status":"ok"}"#) == 0)
    #expect(complaints("/health?x=1", 200, "application/json", #"{"status":"ok"}"#) == 0)
    #expect(complaints("/jobs/x", 404, "application/problem+json", problem) == 0)
    #expect(complaints("/nowhere", 404, "application/problem+json", problem) == 0)
    for (path, status, type, body) in [
      ("/health", 200, "application/json", #"{"status":7}"#), ("/health", 200, "application/json", "{}"),
      ("/health", 200, "application/json", #"{"status":"ok","more":1}"#), ("/health", 200, "text/html", "ok"),
      ("/health", 418, "application/json", "{}"), ("/nowhere", 200, "application/json", "{}"),
      ("/health", 200, "application/json", "{"), ("/jobs/x", 404, "application/json", problem),
      ("/jobs/x", 404, "application/problem+json", #"{"status":404,"title":"","detail":"","code":"new"}"#),
      ("/jobs/batch", 200, "application/json", #"{"ids":[]}"#),
    ] {
      #expect(complaints(path, status, type, body) == 1, "\(path) \(status) \(type) \(body)")
    }
    // Who is told to come again is told when.
    func retryComplaints(_ headers: [String: String]) -> [String] {
      description.complaints(
        method: "GET", path: "/ready", status: 503,
        headers: headers.merging(["content-type": "application/problem+json"]) { $1 },
        body: Array(#"{"status":503,"title":"Draining","detail":"x","code":"draining"}"#.utf8))
    }
    #expect(retryComplaints([:]) == ["GET /ready → 503: the header Retry-After is missing"])
    #expect(retryComplaints(["retry-after": "soon"]).count == 1)
    #expect(retryComplaints(["retry-after": "1"]).isEmpty)
    #expect(complaints("/jobs/batch", 201, "application/json", #"{"ids":["X"]}"#, method: "POST") == 1)
    #expect(complaints("/leases/x/logs", 204, "text/plain", "", method: "POST") == 0)
    #expect(complaints("/leases/x/logs", 204, "text/plain", "x", method: "POST") == 1)
  }
}
