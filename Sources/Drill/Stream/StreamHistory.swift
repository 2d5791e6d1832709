#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Reads the history of a drill with very many jobs, a piece at a time.
enum StreamHistory {
  private static let pieceBytes = 1 << 20

  /// Whether this is how such a history begins.
  static func begins(_ text: some Sequence<UInt8>) -> Bool { text.starts(with: "P ".utf8) }

  /// Judges the history in a file.
  /// - Throws: `POSIXFailure` when it cannot be read, `DrillFailure` for a line that is none of a history.
  static func judge(path: String) throws -> StreamVerdict {
    var check = StreamCheck()
    try forEachLine(path: path) { check.take(try entry($0)) }
    return check.verdict()
  }

  /// - Throws: `DrillFailure` for a line that is none of a history.
  static func judge(_ text: [UInt8]) throws -> StreamVerdict {
    var check = StreamCheck()
    for line in text.split(separator: UInt8(ascii: "\n")) { check.take(try entry(line)) }
    return check.verdict()
  }

  private static func entry(_ line: ArraySlice<UInt8>) throws -> StreamEntry {
    let text = String(decoding: line, as: UTF8.self)
    guard let entry = StreamEntry(line: text) else {
      throw DrillFailure("this line is none of a history: \(text.prefix(100))")
    }
    return entry
  }

  /// Calls `body` with each line of a file, without its end.
  /// - Throws: `POSIXFailure` when it cannot be read, and what `body` throws.
  static func forEachLine(path: String, _ body: (ArraySlice<UInt8>) throws -> Void) throws {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw POSIXFailure(errno) }
    defer { close(descriptor) }
    var rest: [UInt8] = []
    while true {
      let piece = try [UInt8](unsafeUninitializedCapacity: pieceBytes) { buffer, count in
        count = read(descriptor, buffer.baseAddress, pieceBytes)
        if count < 0 {
          count = 0
          throw POSIXFailure(errno)
        }
      }
      if piece.isEmpty { break }
      rest += piece
      guard let end = rest.lastIndex(of: UInt8(ascii: "\n")) else { continue }
      for line in rest[...end].split(separator: UInt8(ascii: "\n")) { try body(line) }
      rest.removeSubrange(...end)
    }
    if !rest.isEmpty { try body(rest[...]) }
  }
}
