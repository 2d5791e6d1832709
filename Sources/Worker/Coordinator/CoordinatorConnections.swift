import NIOCore
import Synchronization

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// The open connections to the coordinators, of which some may have died without a word: a firewall has forgotten them,
/// or a machine has gone. A long poll would hang on such a one until its own time-out, and every request that takes one
/// out of the pool until its.
///
/// Heartbeats go out every few seconds and are answered at once, so they find out first.
final class CoordinatorConnections: Sendable {
  private let open = Mutex<[ObjectIdentifier: any Channel]>([:])

  /// Takes a new connection in.
  func add(_ channel: any Channel) -> EventLoopFuture<Void> {
    let id = ObjectIdentifier(channel)
    open.withLock { $0[id] = channel }
    channel.closeFuture.whenComplete { [self] _ in
      _ = open.withLock { $0.removeValue(forKey: id) }
    }
    endWhenUnacknowledged(channel)
    return channel.eventLoop.submit {
      try channel.pipeline.syncOperations.addHandler(SilenceMeter(), position: .first)
    }
  }

  /// Closes the connections from which nothing has come since then: a request that was sent then has not been answered in
  /// time. Whoever waits for an answer on one of them is told at once and can ask again on a new one.
  ///
  /// One that sends a large body is left alone: it is silent as long as it sends.
  func closeSilent(since start: ContinuousClock.Instant) {
    let channels = open.withLock { Array($0.values) }
    for channel in channels { channel.pipeline.fireUserInboundEventTriggered(SilenceMeter.CloseIfSilent(since: start)) }
  }

  /// Has the system end the connection when bytes are not acknowledged for 15 s: a large body would else be sent into
  /// the void for a quarter of an hour.
  private func endWhenUnacknowledged(_ channel: any Channel) {
    #if os(Linux)
      _ = channel.setOption(.tcpOption(.init(rawValue: TCP_USER_TIMEOUT)), value: 15_000)
    #endif
  }
}

/// Knows since when nothing has come from the other side.
private final class SilenceMeter: ChannelDuplexHandler {
  typealias InboundIn = NIOAny
  typealias OutboundIn = IOData

  struct CloseIfSilent: Sendable {
    let since: ContinuousClock.Instant
  }

  /// More than any request without a checkpoint or a log in it.
  private static let largeBody = 64 << 10

  private var lastHeard = ContinuousClock.now
  private var bytesSentSince = 0

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    lastHeard = .now
    bytesSentSince = 0
    context.fireChannelRead(data)
  }

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    bytesSentSince += unwrapOutboundIn(data).readableBytes
    context.write(data, promise: promise)
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    guard let order = event as? CloseIfSilent else { return context.fireUserInboundEventTriggered(event) }
    if lastHeard < order.since, bytesSentSince <= Self.largeBody { context.close(promise: nil) }
  }
}
