import NIOCore

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// One side of a proxied connection: what it reads is written to the other.
final class ProxyHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  enum Direction: Sendable {
    case toServer
    case toClient
  }

  /// What a connection's client side is told.
  enum Order: Sendable {
    /// How bytes fare has changed.
    case lookAgain
    case abandon
    case reset
    /// The other side is there.
    case join(any Channel)
  }

  private let direction: Direction
  private let core: ProxyCore
  private let exchange: ProxyExchange
  private(set) var peer: (any Channel)?
  /// What could not go on yet.
  private(set) var held: [ByteBuffer] = []
  /// Whether this side has closed, which the other is to hear after what is held.
  private var isAtEnd = false
  private var isAbandoned = false
  private var isReset = false

  init(_ direction: Direction, core: ProxyCore, exchange: ProxyExchange, peer: (any Channel)? = nil) {
    self.direction = direction
    self.core = core
    self.exchange = exchange
    self.peer = peer
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    if isAbandoned { return }
    let buffer = unwrapInboundIn(data)
    switch direction {
    case .toServer:
      let isMarked = core.state.withLock { state in
        state.loss.map { $0.left > 0 && buffer.readableBytesView.starts(with: $0.request) } ?? false
      }
      if isMarked { exchange.awaitsAnswerToLose.withLock { $0 = true } }
    case .toClient:
      if core.losesAnswer(of: exchange) { return reset(context) }
    }
    held.append(buffer)
    flush()
  }

  func channelInactive(context: ChannelHandlerContext) {
    isAtEnd = true
    flush()
    context.fireChannelInactive()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    guard let order = event as? Order else { return context.fireUserInboundEventTriggered(event) }
    switch order {
    case .lookAgain:
      flush()
      tellPeer(order)
    case .join(let server):
      peer = server
      flush()
    case .abandon:
      isAbandoned = true
      held = []
      tellPeer(order)
    case .reset: reset(context)
    }
  }

  /// The client's side passes on what it is told.
  private func tellPeer(_ order: Order) {
    if direction == .toServer { peer?.pipeline.fireUserInboundEventTriggered(order) }
  }

  private func reset(_ context: ChannelHandlerContext) {
    // The other side tells this one again.
    if isReset { return }
    isReset = true
    isAbandoned = true
    peer?.pipeline.fireUserInboundEventTriggered(Order.reset)
    // Closing without lingering sends a reset instead of an orderly end.
    if let socket = context.channel as? any SocketOptionProvider {
      let context = NIOLoopBound(context, eventLoop: context.eventLoop)
      socket.setSoLinger(linger(l_onoff: 1, l_linger: 0)).whenComplete { _ in context.value.close(promise: nil) }
    } else {
      context.close(promise: nil)
    }
  }

  /// Sends on what may go on.
  private func flush() {
    guard let peer, !isAbandoned else { return }
    let mode = core.state.withLock { $0.mode }
    if mode.holds(back: direction) { return }
    let buffers = held
    held = []
    let isEnd = isAtEnd
    guard !buffers.isEmpty || isEnd else { return }
    let send: @Sendable () -> Void = {
      for buffer in buffers { peer.write(buffer, promise: nil) }
      peer.flush()
      if isEnd { peer.close(promise: nil) }
    }
    if case .delay(let seconds) = mode {
      peer.eventLoop.scheduleTask(in: .milliseconds(Int64(seconds * 1000)), send)
    } else {
      send()
    }
  }
}
