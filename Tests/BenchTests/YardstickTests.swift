import BatonJSON
import BatonShared
import BatonThreads
import NIOCore
import Testing

@testable import BatonYardstick

@Suite struct YardstickTests {
  @Test func aRowsNumberIsFoundAgainInTheTextOfItsId() {
    #expect(IDText.of(0xabc) == "00000000-0000-0000-0000-000000000abc")
    for id in [1, 255, 1 << 40] as [Int64] {
      let text = IDText.of(id)
      #expect(text.utf8.count == 36)
      let request = ByteBuffer(string: #"{"results":[{"lease_id":"\#(text)","outcome":"done"}]}"#)
      #expect(IDText.first(in: request) == id)
    }
    #expect(IDText.first(in: ByteBuffer(string: #"{"results":[]}"#)) == nil)
    #expect(IDText.first(in: ByteBuffer(string: #"{"lease_id":"short"}"#)) == nil)
  }

  @Test func aPayloadIsCutOut() throws {
    let job = JobSubmission(kind: "noop", payload: try RawJSON(parsing: #"{"n":{"m":1}}"#), queue: "q")
    let payload = try #require(PayloadText.first(in: ByteBuffer(bytes: job.json)))
    #expect(String(decoding: payload, as: UTF8.self) == #"{"n":{"m":1}}"#)
    #expect(PayloadText.first(in: ByteBuffer(string: #"{"kind":"noop"}"#)) == nil)
  }

  @Test func anErrorIsEverybodys() async throws {
    struct Broken: Error {}
    let commit = GroupCommit<Int, Int> { _ in throw Broken() }
    await #expect(throws: Broken.self) { try await commit.submit(1) }
    await #expect(throws: Broken.self) { try await commit.submit(2) }
  }

  @Test func idsAndPayloadsStandInTheAnswers() {
    let texts = AnswerTexts()
    let id = IDText.of(7)
    #expect(String(buffer: texts.submitted(7)).hasPrefix(#"{"id":"\#(id)","queue""#))
    let lease = String(buffer: texts.leased((7, Array(#"{"x":true}"#.utf8))))
    #expect(lease.contains(#""lease_id":"\#(id)""#))
    #expect(lease.contains(#""payload":{"x":true}"#))
    #expect(String(buffer: texts.leased(nil)) == #"{"leases":[]}"#)
    #expect(String(buffer: texts.settled(7, isAccepted: false)).contains(#""lease_id":"\#(id)","status":"lost""#))
  }

  /// Whatever comes while a statement is away is in the next one.
  @Test func whatComesMeanwhileGoesTogether() async throws {
    let sizes = Lock<[Int]>([])
    let (gate, opener) = AsyncStream.makeStream(of: Void.self)
    let commit = GroupCommit<Int, Int> { items in
      let isFirst = sizes.withLock { sizes in
        sizes.append(items.count)
        return sizes.count == 1
      }
      if isFirst { for await _ in gate {} }
      return items.map { $0 * 2 }
    }
    let doubled = try await withThrowingTaskGroup(of: Int.self) { group in
      group.addTask { try await commit.submit(0) }
      while sizes.withLock({ $0.isEmpty }) { await Task.yield() }
      for item in 1...20 { group.addTask { try await commit.submit(item) } }
      while commit.waitingCount < 20 { await Task.yield() }
      opener.finish()
      return try await group.reduce(into: Set<Int>()) { $0.insert($1) }
    }
    #expect(doubled == Set((0...20).map { $0 * 2 }))
    #expect(sizes.withLock { $0 } == [1, 20])
  }
}
