import BatonShared
import HTTPTypes
import Hummingbird

/// Collects routes with the role that each needs, and answers 405 where only the method is wrong.
struct Routes {
  typealias Handler = @Sendable (Request, APIContext) async throws -> Response

  /// Who may take a route.
  struct Decision: Sendable {
    let method: HTTPRequest.Method
    let path: String
    /// Besides `admin`; nil for everybody.
    let roles: [Access.Role]?
  }

  let router: Router<APIContext>
  private let access: AccessControl
  private let lifecycle: Lifecycle
  private let requestMemory: MemoryBudget
  private var methods: [String: [HTTPRequest.Method]] = [:]
  private(set) var decisions: [Decision] = []

  init(router: Router<APIContext>, access: AccessControl, lifecycle: Lifecycle, requestMemory: MemoryBudget) {
    self.router = router
    self.access = access
    self.lifecycle = lifecycle
    self.requestMemory = requestMemory
  }

  /// - Parameters:
  ///   - roles: Who may come in besides `admin`; nil for everybody.
  ///   - needsDatabase: Whether it is refused at once while the database is known not to answer.
  mutating func on(
    _ method: HTTPRequest.Method, _ path: String, _ roles: [Access.Role]?, needsDatabase: Bool = true,
    _ handler: @escaping Handler
  ) {
    methods[path, default: []].append(method)
    decisions.append(Decision(method: method, path: path, roles: roles))
    let access = access
    let lifecycle = lifecycle
    let requestMemory = requestMemory
    router.on(RouterPath(path), method: method) { request, context in
      var context = context
      if let roles {
        context.role = try await Self.admit(request, as: roles, access, needsDatabase ? lifecycle : nil)
      }
      // What the body became waits for the database in here; so does its share of the memory. An answer that is large may
      // have to wait for its reader, too.
      if method != .get { context.share = MemoryShare(of: requestMemory) }
      return try await handler(request, context).holding(context.share)
    }
  }

  /// - Throws: `Problem`, when it may not come in, or not now.
  // Not inlined: what refusing takes, a request that waits would keep.
  @inline(never)
  private static func admit(
    _ request: Request, as roles: [Access.Role], _ access: AccessControl, _ lifecycle: Lifecycle?
  ) async throws -> Access.Role {
    do {
      return try check(request, roles, access.current, lifecycle)
    } catch {
      // Read what it sends all the same: a client that sends first would not see the answer.
      _ = try? await request.bytes(upTo: 0)
      throw error
    }
  }

  /// - Parameter lifecycle: Knows whether there is a database; nil if that does not matter.
  private static func check(
    _ request: Request, _ roles: [Access.Role], _ access: Access, _ lifecycle: Lifecycle?
  ) throws -> Access.Role {
    let role = try role(of: request, roles, access)
    if let lifecycle {
      guard lifecycle.isMigrated else { throw Problem.notMigrated }
      guard lifecycle.databaseAnswers else { throw Problem.silentDatabase }
    }
    return role
  }

  private static func role(of request: Request, _ roles: [Access.Role], _ access: Access) throws -> Access.Role {
    // Where no token is asked for, any page in a browser on this machine could submit jobs.
    guard !access.isOpen || request.headers[.origin] == nil else {
      throw Problem(
        .forbidden, "without tokens (TOKENS_FILE), requests that a web page makes (with the header Origin) are refused")
    }
    guard let role = access.role(authorization: request.headers[.authorization]) else {
      throw Problem(
        .unauthorized,
        request.headers[.authorization] == nil
          ? "send 'Authorization: Bearer TOKEN' with a token of this coordinator"
          : "the header Authorization holds none of this coordinator's tokens, as 'Bearer TOKEN': it may be withdrawn")
    }
    guard role == .admin || roles.contains(role) else {
      let wanted = (roles + [.admin]).map { "'\($0.rawValue)'" }.joined(separator: " or ")
      throw Problem(.forbidden, "a token with the role \(wanted) is needed; this one has '\(role.rawValue)'")
    }
    return role
  }

  /// Ends the collection: every other method on the same paths is answered 405.
  func refuseOtherMethods() {
    var all: [HTTPRequest.Method] = [.get, .post, .put, .delete, .patch, .options, .trace, .connect]
    if let query = HTTPRequest.Method("QUERY") { all.append(query) }
    for (path, allowed) in methods {
      let list = (allowed + (allowed.contains(.get) ? [.head] : [])).map(\.rawValue).sorted().joined(separator: ", ")
      for method in all where !allowed.contains(method) {
        router.on(RouterPath(path), method: method) { _, _ -> Response in
          Problem(.methodNotAllowed, "\(path) answers only to \(list)").response(adding: [.allow: list])
        }
      }
      if !allowed.contains(.get) {
        router.on(RouterPath(path), method: .head) { _, _ -> Response in
          Response(status: .methodNotAllowed, headers: [.allow: list])
        }
      }
    }
  }
}

extension Problem {
  static let notMigrated = Problem(
    .databaseUnavailable, "the database has not been reached since this start; try again")
  static let silentDatabase = Problem(.databaseUnavailable, "the database does not answer; try again")
}
