import NIOCore
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Notices that the client of a connection has gone while a request of its waits for an answer.
///
/// Hummingbird's own way of noticing ends the connection after each such request, which is too dear for requests that
/// are sent again and again; this handler only listens.
final class PeerWatch: ChannelInboundHandler, RemovableChannelHandler, Sendable {
  typealias InboundIn = NIOAny

  private struct State {
    var isGone = false
    var onGone: (@Sendable () -> Void)?
  }

  private let state = Mutex(State())

  func handlerAdded(context: ChannelHandlerContext) {
    // A client that has died without a word would keep its place in the line until its wait is over, and jobs that are
    // given to it would be lost for a lease's time: the system asks after 10 s, and gives it up after 15 more.
    // The last limit is all of that together: were it shorter, one probe that is dropped among ten thousand would do.
    #if os(Linux)
      let channel = context.channel
      _ = channel.setOption(.socketOption(.so_keepalive), value: 1)
      for (option, value) in [(TCP_KEEPIDLE, 10), (TCP_KEEPINTVL, 5), (TCP_KEEPCNT, 3), (TCP_USER_TIMEOUT, 25_000)] {
        _ = channel.setOption(.tcpOption(.init(rawValue: option)), value: value)
      }
    #endif
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    // A client that shuts down its sending side after a request has nothing more to ask: curl, killed, looks the same.
    if event as? ChannelEvent == .inputClosed { leave() }
    context.fireUserInboundEventTriggered(event)
  }

  func channelInactive(context: ChannelHandlerContext) {
    leave()
    context.fireChannelInactive()
  }

  private func leave() {
    let onGone = state.withLock { state in
      state.isGone = true
      return state.onGone.take()
    }
    onGone?()
  }

  /// Calls `onGone` once, at once if the client has already gone; nil to stop watching.
  func watch(_ onGone: (@Sendable () -> Void)?) {
    let isGone = state.withLock { state in
      state.onGone = state.isGone ? nil : onGone
      return state.isGone
    }
    if isGone { onGone?() }
  }

  /// The one that listens on a connection.
  static func of(_ channel: any Channel) async throws -> PeerWatch {
    if channel.eventLoop.inEventLoop { return try channel.pipeline.syncOperations.handler(type: PeerWatch.self) }
    return try await channel.pipeline.handler(type: PeerWatch.self).get()
  }
}
