import NIOCore
import NIOPosix
import Synchronization

/// Sessions at a PostgreSQL server that do nothing but take up its connections, over its socket. They are no superuser's, so
/// that the connections that are reserved for those stay free.
final class IdleSessions: Sendable {
  /// The role whose sessions they are; it has to be there.
  static let role = "baton_drill_idle"

  private let socket: String
  private let open = Mutex<[any Channel]>([])

  /// - Parameter socket: The path of the server's socket.
  init(socket: String) { self.socket = socket }

  /// How many the server has let in.
  var count: Int { open.withLock { $0.count { $0.isActive } } }

  /// Opens up to so many more; returns when the server has let each of them in, or has not.
  func open(_ count: Int) async {
    guard count > 0 else { return }
    await withDiscardingTaskGroup { group in
      for _ in 0..<count { group.addTask { await self.openOne() } }
    }
  }

  func close() async {
    let channels = open.withLock { open in
      defer { open = [] }
      return open
    }
    for channel in channels { try? await channel.close() }
  }

  private func openOne() async {
    let loop = MultiThreadedEventLoopGroup.singleton.any()
    let admitted = loop.makePromise(of: Bool.self)
    let bootstrap = ClientBootstrap(group: loop).connectTimeout(.seconds(2)).channelInitializer { channel in
      channel.eventLoop.makeCompletedFuture {
        try channel.pipeline.syncOperations.addHandler(Doorstep(admitted: admitted))
      }
    }
    guard let channel = try? await bootstrap.connect(unixDomainSocketPath: socket).get() else {
      return admitted.succeed(false)
    }
    try? await channel.writeAndFlush(Self.startup)
    if (try? await admitted.futureResult.get()) == true {
      open.withLock { $0.append(channel) }
    } else {
      try? await channel.close()
    }
  }

  /// The first message of PostgreSQL's protocol, version 3.0.
  private static var startup: ByteBuffer {
    var parameters = ByteBuffer()
    for word in ["user", role, "database", "postgres"] {
      parameters.writeString(word)
      parameters.writeInteger(UInt8(0))
    }
    parameters.writeInteger(UInt8(0))
    var message = ByteBuffer()
    message.writeInteger(Int32(8 + parameters.readableBytes))
    message.writeInteger(Int32(3 << 16))
    message.writeBuffer(&parameters)
    return message
  }

  /// Tells whether the server lets a session in: it is ready for a query (`Z`), or says what is wrong (`E`), after
  /// whatever else it says at first. (Messages are a letter, their length with itself, and so many bytes.)
  private final class Doorstep: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let admitted: EventLoopPromise<Bool>
    private var isAnswered = false
    private var received = ByteBuffer()

    init(admitted: EventLoopPromise<Bool>) { self.admitted = admitted }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      var buffer = unwrapInboundIn(data)
      received.writeBuffer(&buffer)
      while let kind: UInt8 = received.getInteger(at: received.readerIndex) {
        if kind == UInt8(ascii: "Z") { answer(true) }
        if kind == UInt8(ascii: "E") { answer(false) }
        guard let length: Int32 = received.getInteger(at: received.readerIndex + 1),
          received.readSlice(length: 1 + Int(length)) != nil
        else { return }
      }
    }

    func channelInactive(context: ChannelHandlerContext) {
      answer(false)
      context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    private func answer(_ isAdmitted: Bool) {
      if isAnswered { return }
      isAnswered = true
      admitted.succeed(isAdmitted)
    }
  }
}
