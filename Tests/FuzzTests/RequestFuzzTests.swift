import BatonJSON
import BatonShared
import BatonTestSupport
import Testing

@testable import BatonCoordinator

/// What stands in the first line and in the header of a request.
@Suite struct RequestFuzzTests {
  /// Whatever people call their tags: encoded in any of the ways that are allowed, it comes out as it went in.
  @Test(arguments: seeds) func queriesComeOutAsTheyWentIn(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let characters = Array("aZ09 +&=%?#/;:@é\u{301}😀\r\n\"\\\u{FEFF}").map(String.init)
    func text() -> String {
      (0..<Int.random(in: 0...6, using: &random)).map { _ in characters.randomElement(using: &random) ?? "" }.joined()
    }
    func encoded(_ text: String) -> String {
      text.utf8.map { byte in
        let isPlain = "aZ09/;:@?".utf8.contains(byte)
        if isPlain, Bool.random(using: &random) { return String(UnicodeScalar(byte)) }
        if byte == UInt8(ascii: " "), Bool.random(using: &random) { return "+" }
        let hex = (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: Bool.random(using: &random))
        return "%" + hex
      }.joined()
    }
    for _ in 0..<cases {
      let parameters = (0..<Int.random(in: 1...4, using: &random)).map { _ in ("n" + text(), text()) }
      let query = parameters.map { encoded($0.0) + ($0.1.isEmpty ? "" : "=") + encoded($0.1) }.joined(separator: "&")
      let read = try QueryString(query).parameters
      // By bytes: texts that are equal to Swift may be spelt in two ways.
      #expect(read.map { Array($0.name.utf8) } == parameters.map { Array($0.0.utf8) }, "\(query)")
      #expect(read.map { Array($0.value.utf8) } == parameters.map { Array($0.1.utf8) }, "\(query)")
    }
  }

  @Test(arguments: seeds) func pagesAndTheirCursors(seed: UInt64) async {
    var count = 0
    await damagedText(["limit=7&cursor=1764106815123456.w-1.2", "cursor=q:x_1", "limit=1000"], seed: seed) { text in
      do throws(Problem) {
        let page = try PageRequest(query: QueryString(text))
        #expect((1...PageRequest.maximumLimit).contains(page.limit))
        if let place = try page.cursor({ WorkerPlace(cursor: $0) }) {
          count += 1
          // Within what PostgreSQL calls a time, and good for another turn.
          #expect((0..<1_000_000_000_000_000_000).contains(place.registeredAt.microseconds) && Names.isValid(place.id))
          #expect(WorkerPlace(cursor: place.cursor) == place)
        }
      } catch {
        #expect(error.status == 400 && !error.detail.isEmpty && !error.detail.contains("\0"))
      }
    }
    #expect(count > 10)
    var random = SeededGenerator(seed: seed)
    for _ in 0..<cases {
      let id =
        "w"
        + String((0..<Int.random(in: 0...20, using: &random)).map { _ in "09az.:_-".randomElement(using: &random)! })
      let time = Int64.random(in: 0..<1_000_000_000_000_000_000, using: &random)
      let place = WorkerPlace(registeredAt: Instant(microseconds: time), id: id)
      #expect(WorkerPlace(cursor: place.cursor) == place)
    }
  }

  @Test(arguments: seeds) func optionsOfARetry(seed: UInt64) async {
    var (taken, discards) = (0, 0)
    await damaged([#"{"discard_checkpoint":true}"#, #"{"discard_checkpoint":false}"#, "{}"], seed: seed) { bytes in
      do throws(JSONError) {
        let options = try RetryOptions(json: bytes)
        taken += 1
        guard options.discardCheckpoint else { return }
        discards += 1
        // Nothing that does not say so costs a job its checkpoint.
        let text = String(decoding: bytes, as: UTF8.self)
        #expect(text.contains("true"), "\(text)")
      } catch {
        #expect(!error.description.isEmpty && !error.description.contains("\0"))
      }
    }
    #expect(taken > 5 && discards > 1 && taken < cases, "\(taken), \(discards)")
  }

  /// Any account of the database can send what it likes.
  @Test(arguments: seeds) func notifications(seed: UInt64) async {
    var (work, workers) = (0, 0)
    let good = ["coordinator-1:default,gpu", "coordinator-1:*", "sql:a.b:c", "w:worker-1", "me:default", "me:worker-1"]
    await damagedText(good, seed: seed) { text in
      for channel in [JobStore.jobsChannel, JobStore.workersChannel, "elsewhere"] {
        switch DatabaseHint(channel: channel, payload: text, sender: "me") {
        case .work(let queues):
          work += 1
          #expect(channel == JobStore.jobsChannel)
          #expect(queues.map { !$0.isEmpty && $0.allSatisfy(Names.isValid) } ?? text.hasSuffix(":*"), "\(text)")
        case .worker(let id):
          workers += 1
          #expect(channel == JobStore.workersChannel && Names.isValid(id), "\(text)")
          #expect(text.utf8.reversed().starts(with: (":" + id).utf8.reversed()), "\(text)")
        case nil:
          continue
        }
        #expect(text.utf8.contains(UInt8(ascii: ":")) && !text.hasPrefix("me:"), "\(text)")
      }
    }
    #expect(work > 50 && workers > 50)
  }

  /// No two spellings of an id but those of letter case: else a lease could be named in a way that nobody looks for.
  @Test(arguments: seeds) func identifiers(seed: UInt64) async {
    let good = ["9b2f1c3d-4e5a-4b6c-8d7e-0f1a2b3c4d5e", "01A20001-7775-7375-9DA0-6ED900B518F2"]
    await damagedText(good, seed: seed) { text in
      let isID =
        text.utf8.count == 36 && text.wholeMatch(of: /[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}/) != nil
      #expect(JobID(text)?.description == (isID ? text.lowercased() : nil), "\(text)")
      #expect(LeaseID(text)?.description == (isID ? text.lowercased() : nil), "\(text)")
    }
  }

  @Test(arguments: seeds) func idempotencyKeysAndNumbers(seed: UInt64) async {
    await damagedText(["nightly-2026-11-21", String(repeating: "k", count: 255), "42", "2147483647"], seed: seed) {
      text in
      let bytes = Array(text.utf8)
      #expect(JobRoutes.isKey(text) == ((1...255).contains(bytes.count) && !bytes.contains { $0 < 32 || $0 > 126 }))
      let isNumber = !bytes.isEmpty && bytes.allSatisfy { "0123456789".utf8.contains($0) }
      // Without its zeros in front, what is read is what stands there.
      let shown = DecimalDigits.value(text).map(String.init)
      let plain = isNumber ? (text.drop { $0 == "0" }.isEmpty ? "0" : String(text.drop { $0 == "0" })) : nil
      #expect(shown == plain || (shown == nil && (plain?.utf8.count ?? 0) >= 19), "\(text)")
    }
  }
}
