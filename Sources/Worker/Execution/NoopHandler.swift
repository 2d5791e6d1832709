import BatonJSON

/// The kind `noop`: does nothing, for measuring.
struct NoopHandler: JobHandler {
  let kind = "noop"

  func run(_ job: JobContext) async throws -> RawJSON? { nil }
}
