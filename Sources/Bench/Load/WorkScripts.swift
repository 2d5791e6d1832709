import BatonJSON
import BatonShared
import NIOCore
import Synchronization

/// What the scripts of one load share: the requests, written once.
struct WorkRequests: Sendable {
  let target: WireTarget
  /// Where work is asked for.
  let queues: [String]
  /// Jobs of one request.
  let batch: Int
  private let submission: ByteBuffer

  init(target: WireTarget, queue: String, batch: Int) {
    let job = JobSubmission(kind: "noop", payload: RawJSON(trusted: Array(#"{"n":1}"#.utf8)), queue: queue)
    self.init(target: target, queues: [queue], jobs: [JobSubmission](repeating: job, count: batch))
  }

  /// - Parameter jobs: What one submission consists of.
  init(target: WireTarget, queues: [String], jobs: [JobSubmission]) {
    self.target = target
    self.queues = queues
    batch = jobs.count
    if jobs.count == 1 {
      submission = target.request("POST", "/jobs", body: jobs[0].json)
    } else {
      var body = JSONWriter()
      body.object { $0.field("jobs", jobs) }
      submission = target.request("POST", "/jobs/batch", body: body.bytes)
    }
  }

  func submit() -> ByteBuffer { submission }

  func lease(worker: String, max: Int, waitSeconds: Double) -> ByteBuffer {
    let request = LeaseRequest(workerID: worker, max: max, queues: queues, waitSeconds: waitSeconds)
    return target.request("POST", "/leases", body: request.json)
  }

  /// - Parameter leases: Ids as they came.
  func settle(_ leases: ArraySlice<LeaseText>) -> ByteBuffer {
    var body = Array(#"{"results":["#.utf8)
    body.reserveCapacity(leases.count * 80 + 16)
    for (index, lease) in leases.enumerated() {
      body.append(contentsOf: (index == 0 ? #"{"lease_id":""# : #",{"lease_id":""#).utf8)
      body.append(contentsOf: lease.bytes)
      body.append(contentsOf: #"","outcome":"done"}"#.utf8)
    }
    body.append(contentsOf: "]}".utf8)
    return target.request("POST", "/leases/settle", body: body)
  }
}

/// A lease's id as it stands in an answer; nobody here needs to understand it.
struct LeaseText: Sendable, Hashable {
  let bytes: [UInt8]

  /// All in an answer, in order.
  ///
  /// Looks for the field's name instead of reading JSON: the generator is to cost less than what it measures.
  static func all(in body: ByteBuffer) -> [LeaseText] {
    body.withUnsafeReadableBytes { bytes in all(in: bytes, after: #""lease_id":""#) }
  }

  private static func all(in bytes: UnsafeRawBufferPointer, after name: StaticString) -> [LeaseText] {
    let width = name.utf8CodeUnitCount
    var found: [LeaseText] = []
    var index = 0
    while index + width + 36 <= bytes.count {
      var length = 0
      while length < width, bytes[index + length] == name.utf8Start[length] { length += 1 }
      guard length == width else {
        index += 1
        continue
      }
      found.append(LeaseText(bytes: Array(bytes[index + width..<index + width + 36])))
      index += width + 36
    }
    return found
  }

  /// How often a status stands in an answer.
  static func count(of status: StaticString, in body: ByteBuffer) -> Int {
    body.withUnsafeReadableBytes { bytes in
      let width = status.utf8CodeUnitCount
      var count = 0
      var index = 0
      while index + width <= bytes.count {
        var length = 0
        while length < width, bytes[index + length] == status.utf8Start[length] { length += 1 }
        if length == width { count += 1 }
        index += Swift.max(1, length)
      }
      return count
    }
  }
}

/// Asks so often for what takes no work to answer: what a request costs before anything is done for it.
final class NothingScript: LoadScript {
  private let request: ByteBuffer
  private var left: Int

  init(_ target: WireTarget, requests: Int) {
    request = target.request("GET", "/health")
    left = requests
  }

  func next() -> ByteBuffer? { left > 0 ? request : nil }

  func take(_ reply: WireReply) throws -> Int {
    try reply.expect(200, "a request for nothing")
    left -= 1
    return 1
  }
}

/// Submits so many jobs.
final class SubmitScript: LoadScript {
  private let requests: WorkRequests
  private var left: Int

  /// - Parameter jobs: A multiple of the batch.
  init(_ requests: WorkRequests, jobs: Int) {
    self.requests = requests
    left = jobs
  }

  func next() -> ByteBuffer? { left > 0 ? requests.submit() : nil }

  func take(_ reply: WireReply) throws -> Int {
    try reply.expect(201, "a submission")
    left -= requests.batch
    return requests.batch
  }
}

/// Leases so many jobs and keeps the leases.
final class LeaseScript: LoadScript {
  private let requests: WorkRequests
  private let worker: String
  private var left: Int
  private var emptyAnswers = 0
  private let kept: LeaseBasket

  init(_ requests: WorkRequests, worker: String, jobs: Int, into basket: LeaseBasket) {
    self.requests = requests
    self.worker = worker
    left = jobs
    kept = basket
  }

  func next() -> ByteBuffer? {
    left > 0 ? requests.lease(worker: worker, max: min(left, requests.batch), waitSeconds: 5) : nil
  }

  func take(_ reply: WireReply) throws -> Int {
    try reply.expect(200, "a request for leases")
    let leases = LeaseText.all(in: reply.body)
    emptyAnswers = leases.isEmpty ? emptyAnswers + 1 : 0
    guard emptyAnswers < 3 else { throw BenchError("there were fewer jobs to lease than had been submitted") }
    left -= leases.count
    kept.add(leases)
    return leases.count
  }
}

/// The leases that one connection holds.
final class LeaseBasket: Sendable {
  private let held = Mutex<[LeaseText]>([])

  func add(_ leases: [LeaseText]) { held.withLock { $0 += leases } }

  func takeAll() -> [LeaseText] {
    held.withLock { leases in
      defer { leases = [] }
      return leases
    }
  }
}

/// Settles leases as done.
final class SettleScript: LoadScript {
  private let requests: WorkRequests
  private var left: ArraySlice<LeaseText>

  init(_ requests: WorkRequests, leases: [LeaseText]) {
    self.requests = requests
    left = leases[...]
  }

  func next() -> ByteBuffer? { left.isEmpty ? nil : requests.settle(left.prefix(requests.batch)) }

  func take(_ reply: WireReply) throws -> Int {
    let count = min(left.count, requests.batch)
    try SettleScript.check(reply, count)
    left.removeFirst(count)
    return count
  }

  static func check(_ reply: WireReply, _ count: Int) throws {
    try reply.expect(200, "a settlement")
    guard LeaseText.count(of: "accepted", in: reply.body) == count else {
      throw BenchError("a settlement was not accepted: \(String(buffer: reply.body).prefix(300))")
    }
  }
}

/// Leases and settles in turn, jobs that are there already.
final class WorkScript: LoadScript {
  private let requests: WorkRequests
  private let worker: String
  private var left: Int
  private var held: [LeaseText] = []

  init(_ requests: WorkRequests, worker: String, jobs: Int) {
    self.requests = requests
    self.worker = worker
    left = jobs
  }

  func next() -> ByteBuffer? {
    guard held.isEmpty else { return requests.settle(held[...]) }
    return left > 0 ? requests.lease(worker: worker, max: min(left, requests.batch), waitSeconds: 5) : nil
  }

  func take(_ reply: WireReply) throws -> Int {
    guard held.isEmpty else {
      defer { held = [] }
      try SettleScript.check(reply, held.count)
      left -= held.count
      return held.count
    }
    try reply.expect(200, "a request for leases")
    held = LeaseText.all(in: reply.body)
    guard !held.isEmpty else { throw BenchError("there were fewer jobs to lease than had been submitted") }
    return 0
  }
}

/// The whole cycle: submits, leases and settles in turn.
///
/// Jobs are anybody's, so it may be given fewer than it submitted, or another's: it submits again when it has settled as
/// many, or when there are none.
final class CycleScript: LoadScript {
  private enum Step {
    case submit
    case lease
    case settle([LeaseText])
  }

  private let requests: WorkRequests
  private let worker: String
  private let jobs: Int
  private var submitted = 0
  private var settled = 0
  private var step = Step.submit

  init(_ requests: WorkRequests, worker: String, jobs: Int) {
    self.requests = requests
    self.worker = worker
    self.jobs = jobs
  }

  func next() -> ByteBuffer? {
    guard settled < jobs else { return nil }
    return switch step {
    case .submit: requests.submit()
    case .lease: requests.lease(worker: worker, max: requests.batch, waitSeconds: 0)
    case .settle(let leases): requests.settle(leases[...])
    }
  }

  func take(_ reply: WireReply) throws -> Int {
    switch step {
    case .submit:
      try reply.expect(201, "a submission")
      submitted += requests.batch
      step = .lease
      return 0
    case .lease:
      try reply.expect(200, "a request for leases")
      let leases = LeaseText.all(in: reply.body)
      step = leases.isEmpty ? .submit : .settle(leases)
      return 0
    case .settle(let leases):
      try SettleScript.check(reply, leases.count)
      settled += leases.count
      step = submitted <= settled ? .submit : .lease
      return leases.count
    }
  }
}
