import BatonTestSupport
import Foundation
import Testing

@testable import BatonShared

@Suite struct IdentifierTests {
  @Test func jobIDsGrowAndDifferAcrossTasks() async {
    let generator = JobIDGenerator()
    let lists = await withTaskGroup(of: [String].self) { group in
      for _ in 0..<4 {
        group.addTask { (0..<25_000).map { _ in generator.next().description } }
      }
      return await group.reduce(into: [[String]]()) { $0.append($1) }
    }
    #expect(Set(lists.joined()).count == 100_000)
    // Within a task each call comes after the one before it, so its id is the greater one; so is that of the bytes.
    for list in lists {
      #expect(zip(list, list.dropFirst()).allSatisfy { $0 < $1 })
    }
    #expect(generator.next().description > lists.joined().max()!)
  }

  @Test func aJobIDIsAUUIDOfVersion7OfThisMoment() throws {
    let before = UInt64(Date().timeIntervalSince1970 * 1000)
    let text = JobIDGenerator().next().description
    let after = UInt64(Date().timeIntervalSince1970 * 1000)
    let digits = text.replacing("-", with: "")
    #expect(digits.count == 32 && text == text.lowercased())
    #expect(Array(digits)[12] == "7")
    #expect("89ab".contains(Array(digits)[16]))
    let stamp = try #require(UInt64(digits.prefix(12), radix: 16))
    #expect((before...after + 1).contains(stamp))
  }

  @Test(arguments: ["0197A2B4-C6D8-7EEF-8123-456789ABCDEF", "0197a2b4-c6d8-7eef-8123-456789abcdef"])
  func anIDIsReadInAnyCaseAndWrittenInLowerCase(text: String) {
    #expect(JobID(text)?.description == text.lowercased())
    #expect(LeaseID(text)?.description == text.lowercased())
  }

  @Test func everyIDIsReadAsFoundationReadsIt() {
    for _ in 0..<2000 {
      let uuid = UUID()
      #expect(LeaseID(uuid.uuidString)?.uuid == uuid)
      #expect(LeaseID(uuid).description == uuid.uuidString.lowercased())
    }
  }

  @Test(arguments: [
    "", "x", "0197a2b4c6d87eef8123456789abcdef", "0197a2b4-c6d8-7eef-8123-456789abcde",
    "0197a2b4-c6d8-7eef-8123-456789abcdeg",
    "{0197a2b4-c6d8-7eef-8123-456789abcdef}", "0197a2b4-c6d8-7eef-8123-456789abcdef ",
    "0197a2b4-c6d8-7eef-8123-456789abcdef0",
    "0197a2b4_c6d8_7eef_8123_456789abcdef", "0197a2b4-c6d8-7eef-8123-456789abcdef\0",
  ])
  func whatIsNoUUIDIsNoID(text: String) {
    #expect(JobID(text) == nil)
    #expect(LeaseID(text) == nil)
  }

  @Test func onlyHexDigitsAreReadAsDigits() {
    let digits = Set("0123456789abcdefABCDEF".unicodeScalars)
    for scalar in (0...255).map({ Unicode.Scalar(UInt8($0)) }) {
      // One that takes two bytes stands in two places.
      let width = String(scalar).utf8.count
      let first = String(scalar) + String(repeating: "1", count: 8 - width) + "-c6d8-7eef-8123-456789abcdef"
      let last = "0197a2b4-c6d8-7eef-8123-" + String(repeating: "1", count: 12 - width) + String(scalar)
      for text in [first, last] {
        #expect(text.utf8.count == 36)
        #expect(JobID(text)?.description == (digits.contains(scalar) ? text.lowercased() : nil), "\(text)")
      }
    }
  }

  @Test func leaseIDsBeginWithTheTimeAndAreRandomBehindIt() async throws {
    let before = UInt64(Date().timeIntervalSince1970 * 1000)
    let ids = (0..<1000).map { _ in LeaseID() }
    let after = UInt64(Date().timeIntervalSince1970 * 1000)
    #expect(Set(ids).count == 1000)
    for id in ids {
      #expect(Array(id.description)[14] == "7")
      let stamp = try #require(UInt64(id.description.replacing("-", with: "").prefix(12), radix: 16))
      #expect((before...after + 1).contains(stamp))
    }
    try await eventually("the next millisecond") { ids.allSatisfy { $0 < LeaseID() } }
  }

  /// Words come from the kernel in blocks: none may come twice, from whatever thread, and each bit of them is as often set
  /// as not.
  @Test func randomWordsAreDifferentAndNotLopsided() async {
    let words = await withTaskGroup(of: [UInt64].self) { group in
      for _ in 0..<8 { group.addTask { (0..<1000).map { _ in KernelRandom().next() } } }
      return await group.reduce(into: []) { $0 += $1 }
    }
    #expect(Set(words).count == 8000)
    for bit in 0..<64 {
      // Ten standard deviations of the mean.
      #expect((3553...4447).contains(words.count { $0 >> bit & 1 == 1 }), "bit \(bit)")
    }
  }

  @Test func aLogTellsLeasesApartAndIsNoUseToAct() {
    let id = LeaseID()
    #expect(id.description.hasPrefix(id.abbreviated) && id.abbreviated.count == 18)
    #expect(LeaseID(id.abbreviated) == nil)
  }
}
