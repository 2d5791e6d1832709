#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Ports of 127.0.0.1 for servers that are to keep theirs over a restart.
///
/// They lie below those that the system hands out for outgoing connections, one of which could otherwise take the port
/// while its server is down: even one to that very port, which then speaks to itself.
enum StablePort {
  private static let range = 12_000..<32_000

  /// A port that nobody uses now.
  static func pick() -> Int {
    while true {
      let port = Int.random(in: range)
      if isFree(port) { return port }
    }
  }

  private static func isFree(_ port: Int) -> Bool {
    #if canImport(Darwin)
      let stream = SOCK_STREAM
    #else
      let stream = Int32(SOCK_STREAM.rawValue)
    #endif
    let descriptor = socket(AF_INET, stream, 0)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(UInt16(port)).bigEndian
    address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
    return withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        bind(descriptor, address, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
      }
    }
  }
}
