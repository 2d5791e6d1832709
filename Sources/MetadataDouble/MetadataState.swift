#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What the double knows at one moment: a value that answers questions, given the time.
public struct MetadataState: Sendable {
  /// A request as it came, for tests to look at.
  public struct Request: Sendable, Equatable {
    public var method: String
    public var path: String
    public var token: String?
    public var forwardedFor: String?
  }

  /// The newest so many requests are remembered.
  static let maximumRequests = 10_000

  /// What it is told to say. When the notice or the maintenance changes, their time is fixed anew.
  public var script: MetadataScript {
    didSet { if script.notice != oldValue.notice || script.maintenance != oldValue.maintenance { fixTimes() } }
  }
  /// The tokens in force, and when each ends.
  public var tokens: [String: Date] = [:]
  /// How many tokens were asked for.
  public internal(set) var tokenRequests = 0
  /// The requests so far, without those for tokens.
  public internal(set) var reads: [Request] = []
  /// Goes up with each change, for those who wait for one.
  var version = 0
  private(set) var noticeFrom: Date?
  private var maintenanceAt: Date?
  private var random: SeededGenerator
  private var second = 0
  private var requestsInSecond = 0
  private(set) var incarnation = 1

  init(script: MetadataScript, seed: UInt64) {
    self.script = script
    random = SeededGenerator(seed: seed)
    fixTimes()
  }

  private mutating func fixTimes() {
    noticeFrom = script.notice.map { Date() + $0.after }
    maintenanceAt = script.maintenance.map { Date() + $0.seconds }
    incarnation += 1
  }

  /// The notice that is there, and its time.
  func notice(at now: Date) -> (action: String, time: Date)? {
    guard let notice = script.notice, let noticeFrom, now >= noticeFrom else { return nil }
    return (notice.action, (notice.isMoving ? now : noticeFrom) + notice.seconds)
  }

  func maintenance() -> (code: String, time: Date)? {
    guard let maintenance = script.maintenance, let maintenanceAt else { return nil }
    return (maintenance.action, maintenanceAt)
  }

  /// The status with which this request is refused, if it is.
  mutating func refusal(at now: Date) -> Int? {
    if let limit = script.requestsPerSecond {
      let thisSecond = Int(now.timeIntervalSince1970)
      if thisSecond != second { (second, requestsInSecond) = (thisSecond, 0) }
      requestsInSecond += 1
      if requestsInSecond > limit { return 503 }
    }
    if !script.failures.isEmpty { return script.failures.removeFirst() }
    if script.failureRate > 0, Double.random(in: 0..<1, using: &random) < script.failureRate { return 503 }
    return nil
  }

  mutating func issueToken(life: Int, at now: Date) -> String {
    tokens = tokens.filter { $0.value > now }
    let token = "token-\(tokenRequests)"
    tokens[token] = now + Double(min(life, script.maximumTokenLife))
    return token
  }

  mutating func record(_ request: Request) {
    reads.append(request)
    if reads.count > Self.maximumRequests { reads.removeFirst(Self.maximumRequests / 2) }
  }
}
