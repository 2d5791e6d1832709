#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Our end of the guard's standard input. When it is closed, be it by the kernel because this process was killed, the
/// guard stops the server; so no other child process may inherit it.
final class GuardPipe: Sendable {
  private let descriptor: Int32

  /// - Returns: our end, and the end for the guard, which the caller has to close.
  static func make() throws(LocalPostgresError) -> (pipe: GuardPipe, guardEnd: Int32) {
    var ends: [Int32] = [-1, -1]
    #if canImport(Darwin)
      let status = socketpair(AF_UNIX, SOCK_STREAM, 0, &ends)
      for end in ends where status == 0 {
        _ = fcntl(end, F_SETFD, FD_CLOEXEC)
        var on: Int32 = 1
        setsockopt(end, SOL_SOCKET, SO_NOSIGPIPE, &on, socklen_t(MemoryLayout<Int32>.size))
      }
    #else
      let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
      let status = socketpair(AF_UNIX, kind, 0, &ends)
    #endif
    guard status == 0 else { throw .failed("no socket pair: \(String(cString: strerror(errno)))") }
    return (GuardPipe(ends[0]), ends[1])
  }

  private init(_ descriptor: Int32) {
    self.descriptor = descriptor
  }

  deinit {
    close(descriptor)
  }

  /// Tells the guard something; a few bytes, which never block.
  func send(_ line: String) throws(LocalPostgresError) {
    #if canImport(Darwin)
      let flags: Int32 = 0
    #else
      let flags = Int32(MSG_NOSIGNAL)
    #endif
    let bytes = Array((line + "\n").utf8)
    guard systemSend(descriptor, bytes, bytes.count, flags) == bytes.count else {
      throw .failed("the server's guard is gone")
    }
  }
}

private func systemSend(_ descriptor: Int32, _ bytes: [UInt8], _ count: Int, _ flags: Int32) -> Int {
  send(descriptor, bytes, count, flags)
}
