import HummingbirdCore
import Logging
import NIOCore
import NIOSSL

/// HTTP within TLS, with the certificate that is the newest when a connection begins.
struct TLSChannel<Base: ServerChildChannel>: ServerChildChannel {
  let base: Base
  let identity: TLSIdentity

  func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Base.Value> {
    channel.eventLoop.makeCompletedFuture {
      try channel.pipeline.syncOperations.addHandlers([
        PlainRequestRefusal(), NIOSSLServerHandler(context: identity.context),
      ])
    }.flatMap { base.setup(channel: channel, logger: logger) }
  }

  func handle(value: Base.Value, logger: Logger) async { await base.handle(value: value, logger: logger) }
}

extension HTTPServerBuilder {
  /// HTTP/1.1, within TLS if there is a certificate.
  static func http1(_ configuration: HTTP1Channel.Configuration, securedBy identity: TLSIdentity?) -> HTTPServerBuilder
  {
    HTTPServerBuilder { responder in
      let channel = HTTP1Channel(responder: responder, configuration: configuration)
      guard let identity else { return EventLoopChannel(base: channel) }
      return EventLoopChannel(base: TLSChannel(base: channel, identity: identity))
    }
  }
}

/// Tells whoever speaks plain HTTP to a port of TLS so, in plain HTTP, instead of hanging up on them.
private final class PlainRequestRefusal: ChannelInboundHandler, RemovableChannelHandler {
  typealias InboundIn = ByteBuffer

  private static let answer: String = {
    let problem =
      #"{"status":400,"title":"Bad Request","#
      + #""detail":"this port speaks TLS only: write https:// instead of http://","code":"invalid_request"}"# + "\n"
    return
      "HTTP/1.1 400 Bad Request\r\nContent-Type: application/problem+json\r\nContent-Length: \(problem.utf8.count)\r\n"
      + "Connection: close\r\n\r\n" + problem
  }()

  private var hasRefused = false

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    if hasRefused { return }
    // A TLS connection begins with a record of the type "handshake"; no HTTP method begins with that byte.
    if Self.unwrapInboundIn(data).readableBytesView.first == 0x16 {
      context.fireChannelRead(data)
      context.pipeline.syncOperations.removeHandler(self, promise: nil)
      return
    }
    hasRefused = true
    // Past the handler of TLS, which stands behind this one. Only this side is closed: had the client sent more than was
    // read, closing both would make the system throw the answer away.
    context.writeAndFlush(NIOAny(context.channel.allocator.buffer(string: Self.answer)), promise: nil)
    context.close(mode: .output, promise: nil)
  }
}
