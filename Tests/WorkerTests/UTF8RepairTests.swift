import Testing

@testable import BatonWorker

@Suite struct UTF8RepairTests {
  private func repaired(_ chunks: [[UInt8]]) -> String {
    var repair = UTF8Repair()
    var bytes: [UInt8] = []
    for chunk in chunks { bytes += repair.feed(chunk) }
    bytes += repair.finish()
    return String(decoding: bytes, as: UTF8.self)
  }

  @Test func whateverTheCutGoodTextStaysAsItIs() {
    let text = "aé€😀z\n"
    let bytes = Array(text.utf8)
    for first in 0...bytes.count {
      for second in first...bytes.count {
        let chunks = [Array(bytes[..<first]), Array(bytes[first..<second]), Array(bytes[second...])]
        #expect(repaired(chunks) == text)
      }
    }
    #expect(repaired(bytes.map { [$0] }) == text)
  }

  @Test func whatIsNoTextIsReplaced() {
    #expect(repaired([[0x61, 0xFF, 0x62]]) == "a\u{FFFD}b")
    #expect(repaired([[0x61, 0x00, 0x62]]) == "a\u{FFFD}b")
    #expect(repaired([[0xF0, 0x9F], [0x61]]) == "\u{FFFD}a")
    #expect(repaired([[0xE2, 0x82]]) == "\u{FFFD}", "an unfinished character at the very end")
  }

  @Test func nothingThatComesOutIsInvalid() {
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<200 {
      var repair = UTF8Repair()
      for _ in 0..<5 {
        let chunk = (0..<Int.random(in: 0...20, using: &generator)).map { _ in
          UInt8.random(in: 0...255, using: &generator)
        }
        let out = repair.feed(chunk)
        #expect(String(validating: out, as: UTF8.self) != nil && !out.contains(0))
      }
      let rest = repair.finish()
      #expect(String(validating: rest, as: UTF8.self) != nil)
    }
  }
}
