import BatonTestSupport
import NIOCore
import NIOPosix
import Synchronization

/// A client that speaks in bytes, well-formed or not, as slowly as it likes.
final class RawClient: Sendable {
  private let channel: any Channel
  private let received: Received

  private final class Received: ChannelInboundHandler, Sendable {
    typealias InboundIn = ByteBuffer
    let bytes = Mutex<[UInt8]>([])
    let hasEnded = Atomic(false)

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
      if event as? ChannelEvent == .inputClosed { hasEnded.store(true, ordering: .relaxed) }
      context.fireUserInboundEventTriggered(event)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      let buffer = Self.unwrapInboundIn(data)
      bytes.withLock { $0.append(contentsOf: buffer.readableBytesView) }
    }
  }

  /// - Parameter reads: Whether it takes what it is sent; else it lies in the system's buffers, which are kept small.
  init(port: Int, reads: Bool = true) async throws {
    let received = Received()
    self.received = received
    let bootstrap = ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
      .channelOption(.autoRead, value: reads)
      .channelOption(.allowRemoteHalfClosure, value: true)
    channel =
      try await (reads ? bootstrap : bootstrap.channelOption(.socketOption(.so_rcvbuf), value: 4096))
      .channelInitializer { channel in channel.pipeline.addHandler(received) }
      .connect(host: "127.0.0.1", port: port).get()
  }

  /// Whether the other side has hung up, as far as a client that reads can know.
  var isClosed: Bool { !channel.isActive || received.hasEnded.load(ordering: .relaxed) }
  var text: String { String(decoding: received.bytes.withLock { $0 }, as: UTF8.self) }

  func send(_ text: String) async throws { try await send(Array(text.utf8)) }

  func send(_ bytes: [UInt8]) async throws { try await channel.writeAndFlush(ByteBuffer(bytes: bytes)).get() }

  /// Says that nothing more will come, and still listens.
  func endSending() async throws { try await channel.close(mode: .output).get() }

  /// Sends a byte, waits, sends a byte, until the other side has had enough.
  func drip(_ bytes: some Sequence<UInt8>) async throws {
    for byte in bytes {
      guard !isClosed, !text.contains("\r\n\r\n") else { return }
      do { try await send([byte]) } catch { return }
      try await Task.sleep(for: .milliseconds(20))
    }
  }

  /// Waits for an answer's header, and returns all that has come.
  @discardableResult
  func answer() async throws -> String {
    try await eventually("an answer") { text.contains("\r\n\r\n") || isClosed }
    return text
  }

  /// Waits for the other side to hang up, and returns all that has come.
  @discardableResult
  func untilHungUp() async throws -> String {
    try await eventually("the end of the connection") { isClosed }
    return text
  }

  func close() async { try? await channel.close().get() }
}
