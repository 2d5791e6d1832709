import BatonLocalPostgres
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
  private let plug = Mutex<EventLoopFuture<any Channel>?>(nil)

  /// - Parameter accept: Takes in whoever connects.
  /// - Throws: `POSIXFailure` where it cannot listen.
  init(_ accept: @escaping @Sendable (any Channel) -> EventLoopFuture<Void>) async throws {
    guard let (socket, port) = LoopbackPorts.bound() else { throw POSIXFailure(errno) }
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
        let connection = ClientBootstrap(group: channel.eventLoop).connect(host: "127.0.0.1", port: port)
        plug.withLock { $0 = connection }
      }
    }
  }

  func close() async {
    channel.eventLoop.execute { self.unplug() }
    try? await channel.close()
  }

  private func unplug() {
    let connection = plug.withLock { plug in
      defer { plug = nil }
      return plug
    }
    connection?.whenSuccess { $0.close(promise: nil) }
  }
}
