import Synchronization

/// The last lines that a program wrote, for the message of its failure.
final class OutputTail: Sendable {
  private static let limit = 4096
  private static let lines = 5
  private let bytes = Mutex<[UInt8]>([])

  func append(_ more: [UInt8]) {
    bytes.withLock { bytes in
      bytes.append(contentsOf: more)
      if bytes.count > 2 * Self.limit { bytes.removeFirst(bytes.count - Self.limit) }
    }
  }

  /// Without bytes that are no text; empty when nothing was written.
  var text: String {
    let kept = bytes.withLock { Array($0.suffix(Self.limit)) }
    var repair = UTF8Repair()
    let text = repair.feed(kept) + repair.finish()
    return text.split(separator: UInt8(ascii: "\n")).suffix(Self.lines)
      .map { String(decoding: $0, as: UTF8.self) }.joined(separator: "\n")
  }
}
