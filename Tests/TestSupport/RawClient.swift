import NIOCore
import NIOPosix
import Synchronization

/// A client that speaks in bytes, well-formed or not, as slowly as it likes.
public final class RawClient: Sendable {
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
  public init(port: Int, reads: Bool = true) async throws {
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
  public var isClosed: Bool { !channel.isActive || received.hasEnded.load(ordering: .relaxed) }
  public var bytes: [UInt8] { received.bytes.withLock { $0 } }
  public var text: String { String(decoding: received.bytes.withLock { $0 }, as: UTF8.self) }

  public func send(_ text: String) async throws { try await send(Array(text.utf8)) }

  public func send(_ bytes: [UInt8]) async throws { try await channel.writeAndFlush(ByteBuffer(bytes: bytes)).get() }

  /// Says that nothing more will come, and still listens.
  public func endSending() async throws { try await channel.close(mode: .output).get() }

  /// Sends `start` byte by byte, and then one `x` after the other, until the other side has had enough: it says
  /// something, or hangs up.
  public func drip(_ start: String) async throws {
    let heard = text
    var bytes = Array(start.utf8)[...]
    try await eventually("the other side to have had enough") {
      if isClosed || text != heard { return true }
      return (try? await send([bytes.popFirst() ?? UInt8(ascii: "x")])) == nil
    }
  }

  /// Waits for an answer's header, and returns all that has come.
  @discardableResult
  public func answer() async throws -> String {
    try await eventually("an answer") { text.contains("\r\n\r\n") || isClosed }
    return text
  }

  /// Waits for the whole answer to one request, and takes it out of what has come.
  /// - Returns: nil when the other side has hung up instead.
  public func next(to method: String = "GET") async throws -> RawAnswer? {
    var answer: RawAnswer?
    try await eventually("an answer") {
      let isClosed = isClosed
      answer = received.bytes.withLock { bytes in
        guard let answer = RawAnswer(bytes, to: method, isClosed: isClosed) else { return nil }
        bytes.removeFirst(answer.byteCount)
        return answer
      }
      return answer != nil || isClosed
    }
    return answer
  }

  /// Waits for the other side to hang up, and returns all that has come.
  @discardableResult
  public func untilHungUp() async throws -> String {
    try await eventually("the end of the connection") { isClosed }
    return text
  }

  public func close() async { try? await channel.close().get() }
}
