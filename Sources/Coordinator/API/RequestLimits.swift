import BatonJSON
import BatonShared
import BatonTelemetry
import Hummingbird
import HummingbirdCore
import NIOCore

/// What a client may send, how long it may take, and how much memory its requests may fill.
///
/// Limits of what stands in a request can be set below those of the contract, not above.
public struct RequestLimits: Sendable {
  /// All header fields of a request together, names and values.
  public var maxHeaderBytes = 32 << 10
  /// The path and query of a request.
  public var maxURLBytes = 8 << 10
  public var maxQueueNameBytes = Names.maximumLength
  public var maxTags = JobSubmission.maximumTags
  /// The text of one tag.
  public var maxTagBytes = JobSubmission.maximumTagBytes
  public var maxBatchJobs = BatchSubmission.maximumJobs
  /// A longer wait for work is cut to this, so that no proxy between gives up first.
  public var maxWaitSeconds = LeaseRequest.maximumWaitSeconds
  /// Beyond so many open connections, others wait in the listener's backlog.
  public var maxConnections = 10_000
  /// From the first byte of a request (of a connection: from its opening) to the end of its header.
  public var headerTimeoutSeconds = 10.0
  /// For a body, and for the taking of an answer; a second more for each `slowestBytesPerSecond`.
  public var transferTimeoutSeconds = 20.0
  /// Between two requests of a connection.
  public var idleTimeoutSeconds = 120.0
  /// Bodies of requests that are being worked on, or wait for the database; beyond it, requests are refused.
  public var maxRequestMemoryBytes = 256 << 20
  /// Checkpoints and logs on their way in or out; beyond it, transfers wait.
  public var maxTransferMemoryBytes = 64 << 20

  /// What a message with one payload may hold beside it: 64 tags with their names are 72 KiB.
  static let besidePayloadBytes = 128 << 10

  /// The most header fields of a request.
  static let maximumHeaderFields = 256

  /// A client that is slower over a whole transfer is taken for one that means harm, or is gone.
  var slowestBytesPerSecond = 16 << 10

  public init() {}

  /// Reads all of these settings.
  public init(settings: SettingsReader) throws {
    maxHeaderBytes = try settings.int("MAX_HEADER_BYTES", default: maxHeaderBytes, in: 1024...(1 << 20))
    maxURLBytes = try settings.int("MAX_URL_BYTES", default: maxURLBytes, in: 256...(64 << 10))
    maxQueueNameBytes = try settings.int(
      "MAX_QUEUE_NAME_BYTES", default: maxQueueNameBytes, in: 7...Names.maximumLength)
    maxTags = try settings.int("MAX_TAGS", default: maxTags, in: 0...JobSubmission.maximumTags)
    maxTagBytes = try settings.int("MAX_TAG_BYTES", default: maxTagBytes, in: 0...JobSubmission.maximumTagBytes)
    maxBatchJobs = try settings.int("MAX_BATCH_JOBS", default: maxBatchJobs, in: 1...BatchSubmission.maximumJobs)
    maxWaitSeconds = try settings.seconds(
      "MAX_WAIT_SECONDS", default: maxWaitSeconds, in: 0...LeaseRequest.maximumWaitSeconds)
    maxConnections = try settings.int("MAX_CONNECTIONS", default: maxConnections, in: 10...1_000_000)
    headerTimeoutSeconds = try settings.seconds(
      "HEADER_TIMEOUT_SECONDS", default: headerTimeoutSeconds, in: 0.1...3600)
    transferTimeoutSeconds = try settings.seconds(
      "TRANSFER_TIMEOUT_SECONDS", default: transferTimeoutSeconds, in: 0.1...3600)
    idleTimeoutSeconds = try settings.seconds("IDLE_TIMEOUT_SECONDS", default: idleTimeoutSeconds, in: 1...86_400)
    maxRequestMemoryBytes = try settings.int(
      "MAX_REQUEST_MEMORY_BYTES", default: maxRequestMemoryBytes, in: (1 << 20)...(1 << 40))
    maxTransferMemoryBytes = try settings.int(
      "MAX_TRANSFER_MEMORY_BYTES", default: maxTransferMemoryBytes, in: (1 << 20)...(1 << 40))
  }
}

extension RequestLimits {
  /// How connections are served. What the decoder lets through may still be too large for `check`.
  var channelConfiguration: HTTP1Channel.Configuration {
    HTTP1Channel.Configuration(
      additionalChannelHandlers: [PeerWatch(), ConnectionGuardInstaller(limits: self)],
      idleTimeout: .nanoseconds(Int64(idleTimeoutSeconds * 1e9)),
      httpDecoderConfiguration: .init(
        maxHeaderFieldSize: max(maxHeaderBytes, maxURLBytes), maxHeaderListSize: maxHeaderBytes + maxURLBytes,
        maxHeaderFieldCount: Self.maximumHeaderFields))
  }

  /// - Throws: `Problem` 414 or 431.
  func check(_ request: Request) throws(Problem) {
    if request.head.path?.utf8.count ?? 0 > maxURLBytes { throw .urlTooLong(maxURLBytes) }
    var size = 0
    for field in request.headers { size += field.name.rawName.utf8.count + field.value.utf8.count }
    if size > maxHeaderBytes { throw .headerTooLarge(maxHeaderBytes) }
  }

  /// - Parameter path: Where the submission stands in the body, such as `jobs[3].`; empty for the whole of it.
  /// - Throws: `JSONError` that names the field.
  func check(_ submission: JobSubmission, at path: @autoclosure () -> String) throws(JSONError) {
    guard submission.queue.utf8.count <= maxQueueNameBytes else {
      throw JSONError(field: path() + "queue", expected: "a name of at most \(maxQueueNameBytes) bytes")
    }
    guard submission.tags.count <= maxTags else {
      throw JSONError(field: path() + "tags", expected: "an object of at most \(maxTags) tags")
    }
    if let tag = submission.tags.first(where: { $0.value.utf8.count > maxTagBytes }) {
      throw JSONError(field: path() + "tags.\(tag.key)", expected: "a string of at most \(maxTagBytes) bytes")
    }
  }
}

extension Problem {
  static func urlTooLong(_ limit: Int) -> Problem {
    Problem(
      status: 414, title: "URI too long", detail: "the path and query must be at most \(limit) bytes",
      code: Code.invalidRequest.rawValue)
  }

  static func headerTooLarge(_ limit: Int) -> Problem {
    Problem(
      status: 431, title: "Request header fields too large",
      detail: "the header fields together must be at most \(limit) bytes", code: Code.invalidRequest.rawValue)
  }

  static func tooManyHeaderFields(_ limit: Int) -> Problem {
    var problem = headerTooLarge(0)
    problem.detail = "there must be at most \(limit) header fields"
    return problem
  }

  static func tooSlow(_ what: String) -> Problem {
    Problem(
      status: 408, title: "Request timeout", detail: "\(what) took too long to arrive",
      code: Code.invalidRequest.rawValue)
  }

  /// Answered with `Retry-After`: the database is as it should be, and there is too much at once.
  static func overloaded(_ detail: String) -> Problem {
    Problem(status: 503, title: "Overloaded", detail: detail, code: "overloaded")
  }
}
