import BatonShared
import BatonTestSupport

/// Requests with which something is wrong, the same for the same seed.
struct SpoiltRequests {
  struct Request {
    let method: String
    let path: String
    /// Empty where it is not known where it ends.
    var body: [UInt8] = []
    let bytes: [UInt8]
    /// Whether it ends where it says, so that another can follow on the same connection.
    var isFramed = true
  }

  private static let otherID = "9b2f1c3d-4e5a-4b6c-8d7e-0f1a2b3c4d5e"

  private var mutator: Mutator
  private let job: JobID
  private let lease: LeaseID
  private let bodies: [(method: String, path: String, good: [[UInt8]])]
  private let targets: [[UInt8]]
  private let headers: [[UInt8]]
  private let streams: [[UInt8]]

  init(seed: UInt64, job: JobID, lease: LeaseID) {
    mutator = Mutator(random: SeededGenerator(seed: seed))
    (self.job, self.lease) = (job, lease)
    let submission =
      #"{"kind":"k","payload":{"a":[1,{"b":null}]},"queue":"q","priority":100,"run_at":"2026-11-21T21:27:07+01:00","#
      + #""max_attempts":3,"timeout_seconds":0.5,"placement":"any","on_interruption":"finish","tags":{"größe":"\u00e9"}}"#
    let settlement =
      #"{"results":[{"lease_id":"\#(Self.otherID)","outcome":"done","result":{"a":1}},{"lease_id":"\#(Self.otherID)","#
      + #""outcome":"failed","error":{"code":"c","message":"m"},"retryable":false,"delay_seconds":3}]}"#
    let heartbeat =
      #"{"state":"active","interruption":{"source":"s","action":"a","seconds_left":1.5},"leases":[{"lease_id":"#
      + #""\#(lease)","progress":{"fraction":0.5,"message":"m"}}]}"#
    let registration =
      #"{"hostname":"h","instance_id":"i","instance_type":"t","availability_zone":"z","capacity_type":"spot","#
      + #""provider":"aws","queues":["default"],"kinds":["k"],"slots":4,"version":"1"}"#
    let wish = #"{"worker_id":"w-1","max":3,"queues":["a","q"],"kinds":["k"],"wait_seconds":20.5}"#
    let routes: [(String, String, [String])] = [
      ("POST", "/jobs", [submission, #"{"kind":"k","delay_seconds":1.5}"#]),
      ("POST", "/jobs/batch", [#"{"jobs":[\#(submission),{"kind":"b"}]}"#, #"{"jobs":[]}"#]),
      ("POST", "/jobs/\(job)/cancel", ["{}"]), ("POST", "/jobs/\(job)/retry", [#"{"discard_checkpoint":true}"#]),
      ("PUT", "/workers/w-1", [registration]), ("POST", "/workers/w-1/heartbeat", [heartbeat]),
      ("POST", "/workers/w-2/drain", ["{}"]), ("POST", "/leases", [wish]), ("POST", "/leases/settle", [settlement]),
      ("PUT", "/leases/\(lease)/checkpoint", ["state"]), ("POST", "/leases/\(lease)/logs", ["größe 😀\n"]),
      ("POST", "/queues/q/pause", ["{}"]), ("POST", "/queues/q/resume", ["{}"]), ("POST", "/drain", [#"{"a":1}"#]),
      ("POST", "/shutdown", ["{}"]),
    ]
    bodies = routes.map { ($0, $1, $2.map { Array($0.utf8) }) }
    targets = [
      "/jobs?status=queued&queue=a&kind=b&limit=7&tag.team=m%20l+x", "/jobs?cursor=\(Self.otherID)", "/jobs/\(job)",
      "/jobs/\(job)/attempts", "/jobs/\(job)/logs?attempt=1", "/jobs/\(job)/checkpoint", "/leases/\(lease)/checkpoint",
      "/workers?limit=7&cursor=1764106815123456.w-1", "/workers/w-1", "/queues?limit=7&cursor=q:x", "/stats", "/health",
      "/ready", "/metrics",
    ].map { Array($0.utf8) }
    headers = [
      "Idempotency-Key: nightly-2026-11-21", "Authorization: Bearer baton_0123456789abcdef", "Origin: http://a.example",
      "Content-Type: application/json; charset=utf-8", "Accept: */*", "Host: a", "Connection: keep-alive",
      "X-Long: " + String(repeating: "x", count: 500),
    ].map { Array($0.utf8) }
    streams = [
      "POST /jobs HTTP/1.1\r\nHost: a\r\nContent-Length: 12\r\n\r\n{\"kind\":\"k\"}",
      "POST /jobs HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nc\r\n{\"kind\":\"k\"}\r\n0\r\n\r\n",
      "GET /health HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\nGET /stats HTTP/1.1\r\nHost: a\r\n\r\n",
      "PUT /leases/\(lease)/checkpoint HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nab",
    ].map { Array($0.utf8) }
  }

  mutating func next() -> Request {
    switch Int.random(in: 0..<10, using: &mutator.random) {
    case 0...4:
      let (method, path, good) = bodies.randomElement(using: &mutator.random)!
      let body = mutator.mutate(good)
      // What says nothing would drain it.
      if path == "/drain",
        body.filter({ !" \t\r\n\u{FEFF}".utf8.contains($0) }).elementsEqual("{}".utf8) || body.isEmpty
      {
        return next()
      }
      return Self.framed(method, Array(path.utf8), [], body)
    case 5, 6:
      return Self.framed("GET", line(targets), [], nil)
    case 7, 8:
      let body = Array(#"{"kind":"k"}"#.utf8)
      return Self.framed("POST", Array("/jobs".utf8), (0..<3).map { _ in line(headers) }, body)
    default:
      return Self.unframed(mutator.mutate(streams))
    }
  }

  /// Damaged, and still in one line.
  private mutating func line(_ good: [[UInt8]]) -> [UInt8] {
    mutator.mutate(good).filter { $0 != UInt8(ascii: "\r") && $0 != UInt8(ascii: "\n") }
  }

  static func framed(_ method: String, _ target: [UInt8], _ headers: [[UInt8]], _ body: [UInt8]?) -> Request {
    var bytes = Array("\(method) ".utf8) + target + Array(" HTTP/1.1\r\nHost: a\r\n".utf8)
    for header in headers where !header.isEmpty { bytes += header + Array("\r\n".utf8) }
    if let body {
      bytes += Array("Content-Length: \(body.count)\r\n\r\n".utf8) + body
    } else {
      bytes += Array("\r\n".utf8)
    }
    let path = String(decoding: target, as: UTF8.self)
    return Request(method: method, path: path, body: body ?? [], bytes: bytes)
  }

  private static func unframed(_ bytes: [UInt8]) -> Request {
    let words = String(decoding: bytes, as: UTF8.self).split(separator: " ", maxSplits: 2).map(String.init)
    let path = words.dropFirst().first?.prefix { $0 != "?" } ?? ""
    return Request(method: words.first ?? "", path: String(path), bytes: bytes, isFramed: false)
  }
}
