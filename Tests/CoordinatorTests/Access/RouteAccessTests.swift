import BatonShared
import BatonTestSupport
import Foundation
import Testing

@testable import BatonCoordinator

/// Every route, and who may take it.
@Suite(.serialized) struct RouteAccessTests {
  enum Who: String {
    case everybody, submit, work, admin

    /// The roles that may come in; nil for everybody, token or not.
    var roles: Set<Access.Role>? {
      switch self {
      case .everybody: nil
      case .submit: [.submit, .admin]
      case .work: [.work, .admin]
      case .admin: [.admin]
      }
    }
  }

  /// A new route fails the tests until it stands here.
  static let decisions: [String: Who] = [
    "GET /health": .everybody, "GET /ready": .everybody, "GET /metrics": .everybody, "GET /openapi.yaml": .everybody,

    "POST /jobs": .submit, "POST /jobs/batch": .submit, "GET /jobs": .submit, "GET /jobs/{id}": .submit,
    "GET /jobs/{id}/attempts": .submit, "GET /jobs/{id}/checkpoint": .submit, "GET /jobs/{id}/logs": .submit,
    "POST /jobs/{id}/cancel": .submit, "POST /jobs/{id}/retry": .submit,
    "GET /queues": .submit, "GET /workers": .submit, "GET /workers/{id}": .submit, "GET /stats": .submit,

    "PUT /workers/{id}": .work, "POST /workers/{id}/heartbeat": .work, "POST /leases": .work,
    "POST /leases/settle": .work, "GET /leases/{id}/checkpoint": .work, "PUT /leases/{id}/checkpoint": .work,
    "POST /leases/{id}/logs": .work,

    "POST /queues/{id}/pause": .admin, "POST /queues/{id}/resume": .admin, "POST /workers/{id}/drain": .admin,
    "POST /drain": .admin, "POST /shutdown": .admin,
  ]

  @Test func everyRouteHasADecision() throws {
    let coordinator = try Coordinator(configuration: .testing, logger: .quiet) {}
    let routes = coordinator.makeRoutes().decisions
    #expect(Set(routes.map { "\($0.method) \($0.path)" }).count == routes.count, "a route is there twice")
    for route in routes {
      let name = "\(route.method) \(route.path)"
      let decided = try #require(Self.decisions[name], "nobody has decided who may \(name)")
      #expect(route.roles.map { Set($0 + [.admin]) } == decided.roles, "\(name)")
    }
    let served = Set(routes.map { "\($0.method) \($0.path)" })
    for (name, _) in Self.decisions where name != "GET /openapi.yaml" {
      #expect(served.contains(name), "\(name) is decided, and not served")
    }
  }

  @Test func everyRoleGetsWhatIsItsOwnAndNothingElse() async throws {
    let tokens = try TokenFile()
    defer { tokens.remove() }
    try await RunningCoordinator.run(configuration: .testing { $0.tokensFile = tokens.path }) {
      coordinator, _ async throws in
      let api = coordinator.api
      let served = try Coordinator(configuration: .testing, logger: .quiet) {}.makeRoutes().decisions
      // Those that end the service come last.
      for route in served.sorted(by: { !Self.ends($0.path) && Self.ends($1.path) }) {
        let name = "\(route.method) \(route.path)"
        guard let roles = Self.decisions[name]?.roles else {
          #expect(![401, 403].contains(try await api.send("\(route.method)", route.path).status), "\(name)")
          continue
        }
        let path = route.path.replacing("{id}", with: "9b2f1c3d-4e5a-4b6c-8d7e-0f1a2b3c4d5e")
        // A GET can be asked for with HEAD as well.
        for method in ["\(route.method)"] + (route.method == .get ? ["HEAD"] : []) {
          for stranger in [nil, "", "baton_nonsense", tokens[.admin].uppercased(), tokens[.admin] + "0"] {
            #expect(try await api.with(token: stranger).send(method, path).status == 401, "\(method) \(path)")
          }
          for role in Access.Role.allCases where !(roles.contains(role) && Self.ends(path)) {
            let status = try await api.with(token: tokens[role]).send(method, path).status
            if roles.contains(role) {
              #expect(status != 401 && status != 403, "\(method) \(path) as \(role)")
            } else {
              #expect(status == 403, "\(method) \(path) as \(role)")
            }
          }
        }
      }
      #expect(try await api.get("/ready").status == 200, "nothing of this has drained it")
    }
  }

  private static func ends(_ path: String) -> Bool { path == "/drain" || path == "/shutdown" }
}

/// A file with a token of each role.
struct TokenFile: Sendable {
  let path: String
  private let made: [Access.Role: (token: String, line: String)]

  init() throws {
    path = NSTemporaryDirectory() + "baton-tokens-\(UUID().uuidString)"
    made = Dictionary(uniqueKeysWithValues: Access.Role.allCases.map { ($0, Access.make(role: $0, name: "test")) })
    try write(made.values.map(\.line))
  }

  subscript(role: Access.Role) -> String { made[role]!.token }

  func line(_ role: Access.Role) -> String { made[role]!.line }

  func write(_ lines: [String], permissions: Int = 0o600) throws {
    try (lines.joined(separator: "\n") + "\n").write(toFile: path, atomically: true, encoding: .utf8)
    try FileManager.default.setAttributes([.posixPermissions: permissions], ofItemAtPath: path)
  }

  func remove() { try? FileManager.default.removeItem(atPath: path) }
}
