import NIOCore
import NIOPosix

/// A connection that is kept, with one request under way at a time.
///
/// Everything happens on the event loop, without tasks or queues: a request costs its two system calls and little more.
struct WireConnection: Sendable {
  let target: WireTarget
  let channel: any Channel
  private let handler: NIOLoopBound<WireHandler>

  /// - Throws: `BenchError` when nobody listens there.
  static func connect(to target: WireTarget, on loop: any EventLoop) async throws -> WireConnection {
    let bootstrap = ClientBootstrap(group: loop)
      .channelOption(.socketOption(.tcp_nodelay), value: 1)
      .channelOption(
        .recvAllocator, value: AdaptiveRecvByteBufferAllocator(minimum: 1024, initial: 4096, maximum: 1 << 20)
      )
      .connectTimeout(.seconds(5))
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(WireHandler()) }
      }
    let channel: any Channel
    do {
      channel = try await bootstrap.connect(host: target.host, port: target.port).get()
    } catch {
      throw BenchError("no connection to \(target.host):\(target.port): \(error)")
    }
    let handler = try await channel.eventLoop.submit {
      NIOLoopBound(try channel.pipeline.syncOperations.handler(type: WireHandler.self), eventLoop: channel.eventLoop)
    }.get()
    return WireConnection(target: target, channel: channel, handler: handler)
  }

  /// Sends a request and waits for its answer.
  /// - Throws: `BenchError` when the connection ends instead.
  func call(_ request: ByteBuffer) async throws -> WireReply {
    let promise = channel.eventLoop.makePromise(of: WireReply.self)
    channel.eventLoop.execute { [handler] in
      handler.value.send(request) { promise.completeWith($0) }
    }
    return try await promise.futureResult.get()
  }

  /// Sends a request; `then` is called on the event loop with its answer. To be called on the event loop.
  func send(_ request: ByteBuffer, then: @escaping (Result<WireReply, any Error>) -> Void) {
    handler.value.send(request, then: then)
  }

  func close() async {
    try? await channel.close().get()
  }
}

/// Writes requests and reads answers of one connection.
private final class WireHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private var context: ChannelHandlerContext?
  private var received = ByteBuffer()
  private var pending: (sentAt: ContinuousClock.Instant, then: (Result<WireReply, any Error>) -> Void)?

  func handlerAdded(context: ChannelHandlerContext) { self.context = context }

  func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

  func send(_ request: ByteBuffer, then: @escaping (Result<WireReply, any Error>) -> Void) {
    guard let context, context.channel.isActive else { return then(.failure(Self.closed)) }
    guard pending == nil else { return then(.failure(BenchError("a request is under way on this connection"))) }
    pending = (.now, then)
    context.writeAndFlush(wrapOutboundOut(request), promise: nil)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    var buffer = unwrapInboundIn(data)
    if received.readableBytes == 0 { received = buffer } else { received.writeBuffer(&buffer) }
    switch received.withUnsafeReadableBytes(WireReplyParser.parse) {
    case .incomplete: break
    case .unreadable(let reason):
      fail(BenchError("the server's answer cannot be read: \(reason)"))
      context.close(promise: nil)
    case .reply(let status, let range):
      guard let (sentAt, then) = pending else { return context.close(promise: nil) }
      pending = nil
      received.moveReaderIndex(forwardBy: range.lowerBound)
      let body = received.readSlice(length: range.count) ?? ByteBuffer()
      received = ByteBuffer()
      then(.success(WireReply(status: status, body: body, sentAt: sentAt, receivedAt: .now)))
    }
  }

  func channelInactive(context: ChannelHandlerContext) { fail(Self.closed) }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    fail(error)
    context.close(promise: nil)
  }

  private func fail(_ error: any Error) {
    let waiting = pending
    pending = nil
    waiting?.then(.failure(error))
  }

  private static var closed: BenchError { BenchError("the server closed the connection") }
}
