import NIOCore
import NIOHTTP1

/// Ends a connection on which one exchange takes too long: from the first byte of a request (of a connection: from its
/// opening) until the client has taken the answer.
///
/// For a server whose requests and answers are small and that answers at once.
final class ExchangeLimit: ChannelDuplexHandler, RemovableChannelHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias InboundOut = HTTPServerRequestPart
  typealias OutboundIn = HTTPServerResponsePart
  typealias OutboundOut = HTTPServerResponsePart

  private let limit: TimeAmount
  private var timer: Scheduled<Void>?
  /// Requests whose answer the client has not taken.
  private var open = 0
  private var isReading = false

  init(limit: TimeAmount) { self.limit = limit }

  func handlerAdded(context: ChannelHandlerContext) {
    if context.channel.isActive { begin(context) }
  }

  func channelActive(context: ChannelHandlerContext) {
    begin(context)
    context.fireChannelActive()
  }

  func channelInactive(context: ChannelHandlerContext) {
    end()
    context.fireChannelInactive()
  }

  func handlerRemoved(context: ChannelHandlerContext) { end() }

  /// Bytes have come in, before anybody has understood them.
  fileprivate func begin(_ context: ChannelHandlerContext) {
    guard timer == nil else { return }
    timer = context.eventLoop.assumeIsolated().scheduleTask(in: limit) { context.close(promise: nil) }
  }

  private func end() {
    timer?.cancel()
    timer = nil
  }

  private func endIfIdle() {
    if open == 0, !isReading { end() }
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head: (open, isReading) = (open + 1, true)
    case .body: break
    case .end:
      isReading = false
      endIfIdle()
    }
    context.fireChannelRead(data)
  }

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    guard case .end = unwrapOutboundIn(data) else { return context.write(data, promise: promise) }
    let isTaken = promise ?? context.eventLoop.makePromise(of: Void.self)
    isTaken.futureResult.assumeIsolated().whenComplete { _ in
      self.open -= 1
      self.endIfIdle()
    }
    context.write(data, promise: isTaken)
  }

  /// Stands before everything else in the pipeline.
  fileprivate final class FirstBytes: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer

    private let exchange: ExchangeLimit

    init(_ exchange: ExchangeLimit) { self.exchange = exchange }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      exchange.begin(context)
      context.fireChannelRead(data)
    }
  }
}

@available(*, unavailable)
extension ExchangeLimit: Sendable {}

@available(*, unavailable)
extension ExchangeLimit.FirstBytes: Sendable {}

/// Puts a limit where it belongs in a server's pipeline: around the decoder of HTTP/1.1.
final class ExchangeLimitInstaller: ChannelInboundHandler, RemovableChannelHandler, Sendable {
  typealias InboundIn = NIOAny

  private let limit: TimeAmount

  init(limit: TimeAmount) { self.limit = limit }

  func handlerAdded(context: ChannelHandlerContext) {
    do {
      let pipeline = context.pipeline.syncOperations
      let decoder = try pipeline.handler(type: ByteToMessageHandler<HTTPRequestDecoder>.self)
      let exchange = ExchangeLimit(limit: limit)
      try pipeline.addHandler(exchange, position: .after(decoder))
      try pipeline.addHandler(ExchangeLimit.FirstBytes(exchange), position: .before(decoder))
    } catch {
      context.fireErrorCaught(error)
      context.close(promise: nil)
    }
  }
}
