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
    let path = LocalPostgres.temporaryPath("baton-statements-")
    let descriptor = Self.create(path)
    guard descriptor >= 0 else { throw .failed("cannot make the file \(path): \(String(cString: strerror(errno)))") }
    unlink(path)
    var rest = Array(statements.utf8)[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
      guard count > 0 else {
        close(descriptor)
        throw .failed("cannot write the file \(path): \(String(cString: strerror(errno)))")
      }
      rest = rest.dropFirst(count)
    }
    lseek(descriptor, 0, SEEK_SET)
    return descriptor
  }

  private static func create(_ path: String) -> CInt {
    #if canImport(Darwin)
      Darwin.open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    #elseif canImport(Glibc)
      Glibc.open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    #else
      Musl.open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    #endif
  }
}
