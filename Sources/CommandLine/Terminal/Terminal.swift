#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Where output goes: a terminal, or a file or pipe that another program reads.
struct Terminal: Sendable {
  static let output = 1 as Int32
  static let errors = 2 as Int32

  let descriptor: Int32
  let isTerminal: Bool
  let style: Style

  /// - Parameters:
  ///   - descriptor: The open file.
  ///   - environment: Asked for `NO_COLOR` and `TERM`.
  init(_ descriptor: Int32, environment: [String: String]) {
    self.init(descriptor, isTerminal: isatty(descriptor) == 1, environment: environment)
  }

  init(_ descriptor: Int32, isTerminal: Bool, environment: [String: String]) {
    self.descriptor = descriptor
    self.isTerminal = isTerminal
    let isWanted = (environment["NO_COLOR"] ?? "").isEmpty && environment["TERM"] != "dumb"
    style = isTerminal && isWanted ? .coloured : .plain
  }

  /// Columns and rows; nil when there is no terminal.
  var size: (columns: Int, rows: Int)? {
    guard isTerminal else { return nil }
    var size = winsize()
    guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else { return (80, 24) }
    return (Int(size.ws_col), Int(size.ws_row))
  }

  /// Writes a line.
  func line(_ text: String) { write(Array((text + "\n").utf8)) }

  /// Writes all of `bytes`. When nobody reads any more, the process ends as the shell's own tools do.
  func write(_ bytes: [UInt8]) {
    guard attempt(bytes) == EPIPE else { return }
    signal(SIGPIPE, SIG_DFL)
    raise(SIGPIPE)
  }

  /// Writes all of `bytes`.
  /// - Returns: the error's number, or nil.
  func attempt(_ bytes: [UInt8]) -> Int32? {
    bytes.withUnsafeBytes { bytes in
      var rest = bytes[...]
      while !rest.isEmpty {
        #if canImport(Glibc)
          let written = Glibc.write(descriptor, rest.baseAddress, rest.count)
        #elseif canImport(Musl)
          let written = Musl.write(descriptor, rest.baseAddress, rest.count)
        #else
          let written = Darwin.write(descriptor, rest.baseAddress, rest.count)
        #endif
        if written >= 0 {
          rest = rest.dropFirst(written)
        } else if errno == EAGAIN {
          // Somebody who shares the terminal made it non-blocking: wait until it takes more.
          var ready = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
          poll(&ready, 1, 1000)
        } else if errno != EINTR {
          return errno
        }
      }
      return nil
    }
  }
}

extension Slice<UnsafeRawBufferPointer> {
  fileprivate var baseAddress: UnsafeRawPointer? { UnsafeRawBufferPointer(rebasing: self).baseAddress }
}
