import BatonTestSupport
import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import BatonDrill

/// The proxy does to connections what it says.
@Suite(.timeLimit(.minutes(1))) struct TCPProxyTests {
  /// A server that sends whatever it hears to all of its clients, the one that said it included.
  private final class Echo: ChannelInboundHandler, Sendable {
    typealias InboundIn = ByteBuffer

    private let clients = Mutex<[any Channel]>([])
    private let words = Mutex<[String]>([])

    var heard: [String] { words.withLock { $0 } }

    func channelActive(context: ChannelHandlerContext) {
      clients.withLock { $0.append(context.channel) }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      let buffer = Self.unwrapInboundIn(data)
      words.withLock { $0.append(String(buffer: buffer)) }
      for client in clients.withLock({ $0 }) { client.writeAndFlush(buffer, promise: nil) }
    }
  }

  /// Runs `body` beside such a server and a proxy before it.
  private func withProxy(_ body: (TCPProxy, Echo) async throws -> Void) async throws {
    let echo = Echo()
    let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .childChannelInitializer { channel in channel.pipeline.addHandler(echo) }
      .bind(host: "127.0.0.1", port: 0).get()
    let proxy = try await TCPProxy()
    proxy.lead(to: server.localAddress?.port ?? 0)
    let outcome: Result<Void, any Error>
    do {
      outcome = .success(try await body(proxy, echo))
    } catch {
      outcome = .failure(error)
    }
    await proxy.close()
    try await server.close()
    try outcome.get()
  }

  /// What comes back, one after the other; the last is `end`.
  private struct Replies: Sendable {
    let stream: AsyncStream<String>

    func next() async -> String? {
      for await reply in stream { return reply }
      return nil
    }
  }

  /// Connects through the proxy, and runs `body` with a way to send and what comes back.
  private func talk(
    _ proxy: TCPProxy,
    _ body: (_ send: (String) async throws -> Void, Replies) async throws -> Void
  ) async throws {
    let client = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .connect(host: "127.0.0.1", port: proxy.port) { channel in
        channel.eventLoop.makeCompletedFuture {
          try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
        }
      }
    let (stream, replies) = AsyncStream.makeStream(of: String.self)
    try await client.executeThenClose { inbound, outbound in
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
          do {
            for try await buffer in inbound { replies.yield(String(buffer: buffer)) }
          } catch {}
          replies.yield("end")
        }
        try await body({ try await outbound.write(ByteBuffer(string: $0)) }, Replies(stream: stream))
        group.cancelAll()
      }
    }
  }

  /// How much the proxy holds back at the moment, on the way to the server and back.
  private static func held(by proxy: TCPProxy) async throws -> [Int] {
    var (toServer, toClient) = (0, 0)
    for client in proxy.core.state.withLock({ Array($0.clients.values) }) {
      let held = try await client.eventLoop.submit { () throws -> (Int, Int) in
        let handler = try client.pipeline.syncOperations.handler(type: ProxyHandler.self)
        let back = try handler.peer?.pipeline.syncOperations.handler(type: ProxyHandler.self)
        return (handler.held.count, back?.held.count ?? 0)
      }.get()
      (toServer, toClient) = (toServer + held.0, toClient + held.1)
    }
    return [toServer, toClient]
  }

  @Test func bytesPassInBothDirections() async throws {
    try await withProxy { proxy, _ in
      try await talk(proxy) { send, replies in
        try await send("one")
        #expect(await replies.next() == "one")
      }
    }
  }

  @Test(arguments: [TCPProxy.Mode.cut, .cutToServer, .cutToClient])
  func whatACutHoldsBackArrivesWhenItHasHealed(mode: TCPProxy.Mode) async throws {
    try await withProxy { proxy, echo in
      try await talk(proxy) { send, replies in
        try await send("one")
        #expect(await replies.next() == "one")
        proxy.set(mode)
        try await send("two")
        let isBack = mode == .cutToClient
        try await eventually("it being held back") { try await Self.held(by: proxy) == (isBack ? [0, 1] : [1, 0]) }
        #expect(echo.heard == (isBack ? ["one", "two"] : ["one"]))
        proxy.set(.pass)
        #expect(await replies.next() == "two")
        try await send("three")
        #expect(await replies.next() == "three", "and it arrives once")
      }
    }
  }

  #if os(Linux)
    /// Whether somebody who waits for 0.2 s gets a connection.
    private static func canConnect(to proxy: TCPProxy) async -> Bool {
      let attempt = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
        .connectTimeout(.milliseconds(200)).connect(host: "127.0.0.1", port: proxy.port)
      guard let channel = try? await attempt.get() else { return false }
      try? await channel.close()
      return true
    }

    @Test(arguments: [TCPProxy.Mode.cut, .cutToServer, .cutToClient])
    func duringACutNewConnectionsRunIntoTheirTimeOut(mode: TCPProxy.Mode) async throws {
      try await withProxy { proxy, echo in
        #expect(await Self.canConnect(to: proxy))
        proxy.set(mode)
        try await eventually("it being out of reach") { await !Self.canConnect(to: proxy) }
        for _ in 0..<3 { #expect(await !Self.canConnect(to: proxy), "and it stays so") }
        proxy.set(.pass)
        try await eventually("it being back") { await Self.canConnect(to: proxy) }
        try await talk(proxy) { send, replies in
          try await send("one")
          #expect(await replies.next() == "one")
        }
        #expect(echo.heard == ["one"], "nothing of the others has arrived")
      }
    }
  #endif

  @Test func aResetEndsTheConnection() async throws {
    try await withProxy { proxy, _ in
      try await talk(proxy) { send, replies in
        try await send("one")
        #expect(await replies.next() == "one")
        #expect(proxy.reset() == 1)
        #expect(await replies.next() == "end")
      }
    }
  }

  @Test func anAbandonedConnectionHearsNothingMore() async throws {
    try await withProxy { proxy, echo in
      try await talk(proxy) { send, replies in
        try await send("one")
        #expect(await replies.next() == "one")
        #expect(await proxy.abandon() == 1)
        try await send("two")
        // The server hears others meanwhile, and speaks to all.
        try await talk(proxy) { sendToo, repliesToo in
          for word in ["three", "four", "five"] {
            try await sendToo(word)
            #expect(await repliesToo.next() == word)
          }
        }
        #expect(echo.heard == ["one", "three", "four", "five"])
        proxy.reset()
        #expect(await replies.next() == "end", "of all that, nothing has come")
      }
    }
  }

  @Test func anAnswerIsLostAfterTheRequestHasArrived() async throws {
    try await withProxy { proxy, _ in
      try await talk(proxy) { send, replies in
        proxy.loseAnswers(toRequests: "POST /x", count: 1)
        try await send("GET /y")
        #expect(await replies.next() == "GET /y")
        try await send("POST /x")
        #expect(await replies.next() == "end")
        #expect(proxy.lostAnswers == 1)
      }
    }
  }
}
