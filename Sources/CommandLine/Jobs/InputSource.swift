import BatonJSON
import BatonShared

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Reads what users hand in: as an argument, in a file, or on standard input.
struct InputSource: Sendable {
  /// Reads a whole file; `-` is standard input.
  var read: @Sendable (_ path: String) throws -> [UInt8]

  static let files = InputSource { path in
    guard path != "-" else { return try contents(of: 0, called: "standard input") }
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw failure("'\(path)'") }
    defer { close(descriptor) }
    return try contents(of: descriptor, called: "'\(path)'")
  }

  /// A JSON text given as it is, as `@FILE`, or as `-` for standard input.
  /// - Parameter option: What to blame.
  func json(_ argument: String, option: String) throws -> RawJSON {
    let bytes: [UInt8]
    switch argument {
    case "-": bytes = try read("-")
    case _ where argument.hasPrefix("@"): bytes = try read(String(argument.dropFirst()))
    default: bytes = Array(argument.utf8)
    }
    do throws(JSONError) {
      return try RawJSON(parsing: bytes)
    } catch {
      throw CommandFailure(ExitStatus.data, "\(option): the text must be \(error.expected)")
    }
  }

  private static func contents(of descriptor: Int32, called name: String) throws -> [UInt8] {
    var contents: [UInt8] = []
    while true {
      let before = contents.count
      contents.append(contentsOf: repeatElement(0, count: 65_536))
      let count = contents.withUnsafeMutableBytes { buffer in
        systemRead(descriptor, buffer.baseAddress! + before, 65_536)
      }
      contents.removeLast(contents.count - before - max(0, count))
      if count == 0 { return contents }
      if count < 0, errno != EINTR { throw failure(name) }
    }
  }

  private static func failure(_ name: String) -> CommandFailure {
    CommandFailure(ExitStatus.noInput, "cannot read \(name): \(String(cString: strerror(errno)))")
  }
}

private func systemRead(_ descriptor: Int32, _ buffer: UnsafeMutableRawPointer, _ count: Int) -> Int {
  read(descriptor, buffer, count)
}
