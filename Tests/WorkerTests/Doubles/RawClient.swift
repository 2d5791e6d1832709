import NIOCore
import NIOPosix

@testable import BatonWorker

/// A client that speaks in bytes, whole requests or not.
final class RawClient: Sendable {
  private final class Received: ChannelInboundHandler, Sendable {
    typealias InboundIn = ByteBuffer
    let bytes = Watched<[UInt8]>([])
    let hasEnded = Watched(false)

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      let buffer = Self.unwrapInboundIn(data)
      bytes.update { $0.append(contentsOf: buffer.readableBytesView) }
    }

    func channelInactive(context: ChannelHandlerContext) {
      hasEnded.update { $0 = true }
      context.fireChannelInactive()
    }
  }

  private let channel: any Channel
  private let received = Received()

  init(port: Int) async throws {
    channel = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
      .channelInitializer { [received] channel in channel.pipeline.addHandler(received) }
      .connect(host: "127.0.0.1", port: port).get()
  }

  func send(_ text: String) async throws { try await channel.writeAndFlush(ByteBuffer(string: text)).get() }

  var text: String { String(decoding: received.bytes.value, as: UTF8.self) }
  var isClosed: Bool { received.hasEnded.value }

  /// Waits for the header of an answer.
  func answer() async throws -> String {
    String(
      decoding: try await received.bytes.first { String(decoding: $0, as: UTF8.self).contains("\r\n\r\n") },
      as: UTF8.self)
  }

  /// Waits for the other side to hang up.
  /// - Returns: All that has come, and how long it took.
  func untilHungUp() async throws -> (text: String, seconds: Double) {
    let start = ContinuousClock.now
    try await received.hasEnded.first { $0 }
    return (text, (ContinuousClock.now - start).inSeconds)
  }
}
