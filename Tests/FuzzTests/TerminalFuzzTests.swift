import BatonTestSupport
import Testing

@testable import BatonCommandLine

/// What jobs say, on its way to a terminal.
@Suite struct TerminalFuzzTests {
  @Test(arguments: seeds) func nothingThatAJobSaysSteersTheTerminal(seed: UInt64) async {
    let good = [
      "\u{1B}[2Jred\u{1B}[0m\r\n", "größe 日本 😀\t\u{9B}31m", "\u{202E}txt\u{2066}\u{2028}", "e\u{301}\u{200B}x",
    ]
    await damagedText(good, seed: seed) { text in
      let shown = DisplayText.printable(text)
      #expect(
        shown.unicodeScalars.allSatisfy {
          $0.value >= 0x20 && !(0x7F...0x9F).contains($0.value) && !(0x2028...0x202E).contains($0.value)
            && !(0x2066...0x2069).contains($0.value)
        }, "\(text.debugDescription)")
      #expect(shown.unicodeScalars.count == text.unicodeScalars.count && DisplayText.printable(shown) == shown)
      for columns in [0, 1, 7] {
        let cut = DisplayText.truncated(shown, to: columns)
        #expect(DisplayText.width(cut) <= columns, "\(text.debugDescription)")
        #expect(DisplayText.width(DisplayText.padded(cut, to: columns)) == columns, "\(text.debugDescription)")
      }
    }
  }

  /// A log grows, and loses its beginning; whoever follows it sees each byte once, or is told that some are gone.
  @Test(arguments: seeds) func aLogIsFollowedWithoutLossOrRepetition(seed: UInt64) async {
    var log = (0..<800).flatMap { Array("epoch \($0)\n".utf8) }
    var tail = LogTail()
    var shown = tail.next(log)
    var mutator = Mutator(random: SeededGenerator(seed: seed))
    for _ in 0..<cases / 10 {
      await Task.yield()
      let piece = mutator.mutate([Array("epoch 3: größe 😀\n".utf8), Array("\n\n".utf8)])
      log += piece
      // So much is left that the end of what was seen is still there, and it comes once only.
      if Int.random(in: 0..<10, using: &mutator.random) == 0 { log.removeFirst(max(0, log.count - 8192)) }
      let new = tail.next(log)
      #expect(new == piece, "\(String(decoding: piece, as: UTF8.self).debugDescription)")
      shown += new
    }
    #expect(shown.suffix(log.count) == log[...])
    // Another log altogether.
    #expect(tail.next([1, 2, 3]) == LogTail.gap + [1, 2, 3])
  }
}
