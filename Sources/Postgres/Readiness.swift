#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Waiting on file descriptors.
enum Readiness {
  case readable
  case writable
  case woken
  case deadline

  /// Whether there is something to read, or the end of the stream, right now.
  static func isReadable(_ descriptor: Int32) -> Bool {
    waitReadable(descriptor, timeout: .zero)
  }

  /// Waits until there is something to read.
  static func waitReadable(_ descriptor: Int32, timeout: Duration) -> Bool {
    var polled = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    let deadline = ContinuousClock.now + timeout
    while true {
      let left = max(.zero, deadline - .now)
      let count = poll(&polled, 1, Int32(clamping: left.milliseconds))
      if count > 0 { return true }
      if count == 0 || errno != EINTR { return false }
    }
  }

  /// How many bytes that were written the other side has not acknowledged; 0 where the system does not tell.
  static func unsentBytes(_ descriptor: Int32) -> Int {
    #if os(Linux)
      // SIOCOUTQ, which is a macro that Swift does not see.
      let request: UInt = 0x5411
      var count: Int32 = 0
      return ioctl(descriptor, request, &count) == 0 ? Int(count) : 0
    #else
      return 0
    #endif
  }

  /// Waits for a socket or for the wake pipe, until the deadline.
  static func wait(
    socket: Int32, forWriting: Bool, wake: WakePipe, until deadline: ContinuousClock.Instant
  ) -> Readiness {
    let events = Int16(POLLIN) | (forWriting ? Int16(POLLOUT) : 0)
    var polled = (
      pollfd(fd: socket, events: events, revents: 0), pollfd(fd: wake.readEnd, events: Int16(POLLIN), revents: 0)
    )
    while true {
      let left = deadline - .now
      if left <= .zero { return .deadline }
      let count = withUnsafeMutableBytes(of: &polled) { bytes in
        poll(bytes.assumingMemoryBound(to: pollfd.self).baseAddress, 2, Int32(clamping: left.milliseconds))
      }
      if count < 0 {
        if errno == EINTR { continue }
        return .readable
      }
      // Whoever cancels comes first: a busy socket must not keep it waiting.
      if polled.1.revents != 0 { return .woken }
      if polled.0.revents & ~Int16(POLLOUT) != 0 { return .readable }
      if polled.0.revents != 0 { return .writable }
    }
  }
}
