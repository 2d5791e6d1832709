import BatonJSON
import BatonPostgres
import BatonShared
import HTTPTypes
import Hummingbird
import NIOHTTP1

/// Turns every error into a problem that its reader can act upon, and takes the time.
struct ProblemMiddleware: RouterMiddleware {
  let metrics: CoordinatorMetrics
  let limits: RequestLimits

  func handle(
    _ request: Request, context: APIContext, next: @concurrent (Request, APIContext) async throws -> Response
  ) async throws -> Response {
    let start = ContinuousClock.now
    let response: Response
    do {
      try limits.check(request)
      response = try await next(request, context)
    } catch {
      response = Self.problem(error, request, context).response()
    }
    metrics.answered(
      method: request.method.rawValue, route: context.endpointPath ?? "none", status: response.status.code,
      in: .now - start)
    return response
  }

  private static func problem(_ error: any Error, _ request: Request, _ context: APIContext) -> Problem {
    switch error {
    case let problem as Problem:
      return problem
    case let error as JSONError:
      return Problem(.invalidRequest, error.description)
    case let error as PostgresError:
      if error.mayPass || error == .closed {
        context.logger.debug("database unavailable", metadata: ["error": "\(error)"])
        return Problem(.databaseUnavailable, "the database cannot be reached; try again")
      }
    case is HTTPParserError:
      // The header was sound, so it is what came after.
      return Problem(.invalidRequest, "the body is cut short, or is not what its header says")
    case is CancellationError:
      return Problem(.draining, "the request was given up")
    case let error as HTTPError where error.status == .notFound:
      return Problem(.notFound, "there is no \(request.uri.path)")
    case let error as HTTPError where error.status.kind == .clientError:
      let code: Problem.Code = error.status == .contentTooLarge ? .payloadTooLarge : .invalidRequest
      var problem = Problem(code, error.body ?? error.status.reasonPhrase)
      problem.status = error.status.code
      return problem
    default: break
    }
    context.logger.error(
      "request failed", metadata: ["route": "\(context.endpointPath ?? "none")", "error": "\(error)"])
    return Problem(.internalError, "something went wrong here; the coordinator's log has the reason")
  }
}
