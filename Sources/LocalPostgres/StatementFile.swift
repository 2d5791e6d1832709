#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Statements as a program's standard input: a file without a name, which nobody else can read.
///
/// Not a pipe that is written while the program runs: one that ends early, since its server is down, leaves
/// swift-subprocess 1.0 with a descriptor that it finds unclosed, and the process ends.
enum StatementFile {
  /// - Returns: Its descriptor, at its beginning; to be closed by whoever gets it.
  static func open(_ statements: String) throws(LocalPostgresError) -> CInt {
    var path = Array("/tmp/baton-statements-XXXXXX".utf8CString)
    let descriptor = mkstemp(&path)
    guard descriptor >= 0 else { throw .failed("cannot make a file in /tmp: \(String(cString: strerror(errno)))") }
    unlink(path)
    var rest = Array(statements.utf8)[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
      guard count > 0 else {
        close(descriptor)
        throw .failed("cannot write a file in /tmp: \(String(cString: strerror(errno)))")
      }
      rest = rest.dropFirst(count)
    }
    lseek(descriptor, 0, SEEK_SET)
    return descriptor
  }
}
