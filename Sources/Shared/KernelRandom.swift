import Synchronization

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// The kernel's random bits, of which many are fetched at once: `SystemRandomNumberGenerator` makes a system call for
/// each word.
///
/// As safe as that one for ids that nobody may guess: the same source, no word is given out twice, and none stays in
/// memory once it was.
struct KernelRandom: RandomNumberGenerator {
  private struct Block {
    var words: [UInt64] = []
    var left = 0
  }

  /// The most that `getentropy(3)` gives.
  private static let bytes = 256
  private static let block = Mutex(Block())

  func next() -> UInt64 {
    Self.block.withLock { block in
      if block.left == 0 { Self.fill(&block) }
      block.left -= 1
      defer { block.words[block.left] = 0 }
      return block.words[block.left]
    }
  }

  /// Ends the process rather than go on without an answer.
  private static func fill(_ block: inout Block) {
    let count = bytes / MemoryLayout<UInt64>.size
    if block.words.isEmpty { block.words = Array(repeating: 0, count: count) }
    block.words.withUnsafeMutableBytes { raw in
      #if canImport(Darwin)
        arc4random_buf(raw.baseAddress, raw.count)
      #else
        precondition(getentropy(raw.baseAddress, raw.count) == 0, "the kernel has no random bits")
      #endif
    }
    block.left = count
  }
}
