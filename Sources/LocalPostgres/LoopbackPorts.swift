#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// TCP ports of 127.0.0.1. Somebody else may always be faster; then the server that wanted the port says so.
public enum LoopbackPorts {
  /// Ports for servers that are to keep theirs over a restart: below those that the system hands out for outgoing
  /// connections, one of which could otherwise take the port while its server is down: even one to that very port, which
  /// then speaks to itself.
  public static let stable = 12_000..<32_000

  /// One of ``stable`` that nobody uses now.
  public static func anyStable() -> Int {
    while true {
      let port = Int.random(in: stable)
      if isFree(port) { return port }
    }
  }

  /// Whether a server could listen there now.
  public static func isFree(_ port: Int) -> Bool {
    guard let bound = bound(port: port) else { return false }
    close(bound.descriptor)
    return true
  }

  /// Different ports that nobody uses now; nil when there are not so many.
  public static func free(_ count: Int) -> [Int]? {
    // All are held until the last is found, or the system might name one twice.
    var held: [(descriptor: Int32, port: Int)] = []
    defer { for socket in held { close(socket.descriptor) } }
    for _ in 0..<count {
      guard let bound = bound() else { return nil }
      held.append(bound)
    }
    return held.map(\.port)
  }

  /// A socket that is bound to a port there and does not listen yet; nil when that cannot be had. It is the caller's to close.
  /// - Parameter port: 0 for any that is free.
  public static func bound(port: Int = 0) -> (descriptor: Int32, port: Int)? {
    #if canImport(Darwin)
      let stream = SOCK_STREAM
    #else
      let stream = Int32(SOCK_STREAM.rawValue)
    #endif
    let descriptor = socket(AF_INET, stream, 0)
    guard descriptor >= 0 else { return nil }
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    // As a server does: connections of one that has just ended do not count.
    var on: Int32 = 1
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(UInt16(truncatingIfNeeded: port)).bigEndian
    address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isBound = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        bind(descriptor, address, length) == 0 && getsockname(descriptor, address, &length) == 0
      }
    }
    guard isBound else {
      close(descriptor)
      return nil
    }
    return (descriptor, Int(UInt16(bigEndian: address.sin_port)))
  }
}
