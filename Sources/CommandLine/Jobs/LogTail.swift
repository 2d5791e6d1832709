import BatonJSON

/// Finds what is new in a log that is always read as a whole, and that loses its oldest part as it grows.
struct LogTail {
  /// How much of the end is looked for, once the beginning is gone.
  private static let mark = 4096
  static let gap = Array("\n[… a part of the log is gone …]\n".utf8)

  private var seen: [UInt8] = []

  /// - Parameter log: The log as it is now.
  /// - Returns: what follows what was returned before.
  mutating func next(_ log: [UInt8]) -> [UInt8] {
    defer { seen = log }
    if seen.isEmpty || log.starts(with: seen) { return Array(log.dropFirst(seen.count)) }
    let mark = Array(seen.suffix(Self.mark))
    if let end = Self.end(of: mark, in: log) { return Array(log[end...]) }
    return Self.gap + log
  }

  /// Where the last occurrence of `mark` in `log` ends.
  private static func end(of mark: [UInt8], in log: [UInt8]) -> Int? {
    guard mark.count <= log.count else { return nil }
    return log.withUnsafeBufferPointer { log in
      mark.withUnsafeBufferPointer { mark in
        for start in stride(from: log.count - mark.count, through: 0, by: -1)
        where log[start] == mark[0] && log[start..<(start + mark.count)].elementsEqual(mark) {
          return start + mark.count
        }
        return nil
      }
    }
  }
}

struct LogAnswer: JSONEncodable {
  let logs: String

  func write(to writer: inout JSONWriter) {
    writer.object { $0.field("logs", logs) }
  }
}
