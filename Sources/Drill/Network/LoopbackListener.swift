import NIOCore
import NIOPosix
import Synchronization

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Listens on a free port of 127.0.0.1, and can be out of reach: whoever connects then hears nothing, and runs into
/// the time-out.
///
/// Without rights no packet of the loopback device can be lost on purpose. But Linux answers no request for a connection
/// whose queue is full: so while this is out of reach, nothing is taken from the queue, the queue has room for one, and
/// that one is a connection of its own. (On other systems connections may come about; but nobody takes them in.)
final class LoopbackListener: Sendable {
  /// How many connections may wait to be taken in.
  private static let backlog: Int32 = 256

  let port: Int
  private let descriptor: Int32
  private let channel: any Channel
  /// The connection that fills the queue. Changed on the channel's event loop only.
  private let plug = Mutex<Int32?>(nil)

  /// - Parameter accept: Takes in whoever connects.
  /// - Throws: `POSIXFailure` where it cannot listen.
  init(_ accept: @escaping @Sendable (any Channel) -> EventLoopFuture<Void>) async throws {
    let socket = LoopbackSocket.make()
    var on: Int32 = 1
    setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
    guard socket >= 0, LoopbackSocket.bind(socket), let port = LoopbackSocket.port(of: socket) else {
      let failure = POSIXFailure(errno)
      if socket >= 0 { LoopbackSocket.close(socket) }
      throw failure
    }
    channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .serverChannelOption(.backlog, value: Self.backlog)
      .childChannelInitializer(accept)
      .withBoundSocket(socket).get()
    descriptor = socket
    self.port = port
  }

  /// From now on connections come about, or do not.
  func set(isReachable: Bool) {
    channel.eventLoop.execute { [self] in
      guard channel.isActive, isReachable == (plug.withLock { $0 } != nil) else { return }
      try? channel.syncOptions?.setOption(.autoRead, value: isReachable)
      // The channel has the socket as long as it is active.
      _ = listen(descriptor, isReachable ? Self.backlog : 0)
      if isReachable {
        unplug()
      } else {
        let socket = LoopbackSocket.make()
        LoopbackSocket.connect(socket, toPort: port)
        plug.withLock { $0 = socket }
      }
    }
  }

  func close() async {
    channel.eventLoop.execute { self.unplug() }
    try? await channel.close()
  }

  private func unplug() {
    let socket = plug.withLock { plug in
      defer { plug = nil }
      return plug
    }
    if let socket { LoopbackSocket.close(socket) }
  }
}

/// TCP sockets of 127.0.0.1 that never block.
private enum LoopbackSocket {
  static func make() -> Int32 {
    #if canImport(Darwin)
      let stream = SOCK_STREAM
    #else
      let stream = Int32(SOCK_STREAM.rawValue)
    #endif
    let descriptor = socket(AF_INET, stream, 0)
    if descriptor >= 0 {
      _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
      _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    }
    return descriptor
  }

  static func close(_ descriptor: Int32) {
    #if canImport(Darwin)
      _ = Darwin.close(descriptor)
    #elseif canImport(Glibc)
      _ = Glibc.close(descriptor)
    #elseif canImport(Musl)
      _ = Musl.close(descriptor)
    #endif
  }

  /// - Returns: Whether it has a port now that nobody else has.
  static func bind(_ descriptor: Int32) -> Bool {
    withAddress(port: 0) { address, length in
      #if canImport(Darwin)
        return Darwin.bind(descriptor, address, length) == 0
      #elseif canImport(Glibc)
        return Glibc.bind(descriptor, address, length) == 0
      #elseif canImport(Musl)
        return Musl.bind(descriptor, address, length) == 0
      #endif
    }
  }

  static func connect(_ descriptor: Int32, toPort port: Int) {
    withAddress(port: port) { address, length in
      #if canImport(Darwin)
        _ = Darwin.connect(descriptor, address, length)
      #elseif canImport(Glibc)
        _ = Glibc.connect(descriptor, address, length)
      #elseif canImport(Musl)
        _ = Musl.connect(descriptor, address, length)
      #endif
    }
  }

  static func port(of descriptor: Int32) -> Int? {
    var address = sockaddr_in()
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isKnown = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) == 0 }
    }
    return isKnown ? Int(UInt16(bigEndian: address.sin_port)) : nil
  }

  private static func withAddress<Result>(
    port: Int, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
  ) -> Result {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(UInt16(truncatingIfNeeded: port)).bigEndian
    address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
    return withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
    }
  }
}
