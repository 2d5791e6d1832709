import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import BatonDrill

/// The proxy does to connections what it says.
@Suite struct TCPProxyTests {
  /// A server that sends back each line that it gets, and a connection to it through a proxy.
  private func withProxy(
    _ body: @escaping @Sendable (TCPProxy, NIOAsyncChannel<ByteBuffer, ByteBuffer>) async throws -> Void
  ) async throws {
    let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .bind(host: "127.0.0.1", port: 0) { channel in
        channel.eventLoop.makeCompletedFuture {
          try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
        }
      }
    let proxy = try await TCPProxy()
    proxy.lead(to: server.channel.localAddress?.port ?? 0)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        try await server.executeThenClose { clients in
          try await withThrowingDiscardingTaskGroup { group in
            for try await client in clients {
              group.addTask {
                try? await client.executeThenClose { inbound, outbound in
                  for try await buffer in inbound { try await outbound.write(buffer) }
                }
              }
            }
          }
        }
      }
      let client = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
        .connect(host: "127.0.0.1", port: proxy.port) { channel in
          channel.eventLoop.makeCompletedFuture {
            try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
          }
        }
      try await body(proxy, client)
      await proxy.close()
      group.cancelAll()
    }
  }

  /// What comes back, and whether the connection has ended.
  private final class Replies: Sendable {
    private let received = Mutex<[String]>([])

    func add(_ reply: String) { received.withLock { $0.append(reply) } }

    /// What comes within some time; nil for nothing.
    func next(within limit: Duration = .milliseconds(300)) async -> String? {
      let end = ContinuousClock.now + limit
      while ContinuousClock.now < end {
        let reply = received.withLock { $0.isEmpty ? nil : $0.removeFirst() }
        if let reply { return reply }
        try? await Task.sleep(for: .milliseconds(5))
      }
      return nil
    }
  }

  /// Runs `body` with a way to send, and what comes back, of which the last is `end`.
  private func talk(
    _ client: NIOAsyncChannel<ByteBuffer, ByteBuffer>,
    _ body:
      @escaping @Sendable (_ send: @escaping @Sendable (String) async throws -> Void, Replies) async throws -> Void
  ) async throws {
    let replies = Replies()
    try await client.executeThenClose { inbound, outbound in
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
          do {
            for try await buffer in inbound { replies.add(String(buffer: buffer)) }
          } catch {}
          replies.add("end")
        }
        try await body({ try await outbound.write(ByteBuffer(string: $0)) }, replies)
        group.cancelAll()
      }
    }
  }

  @Test func bytesPassInBothDirections() async throws {
    try await withProxy { proxy, client in
      try await talk(client) { send, replies in
        try await send("one")
        #expect(await replies.next(within: .seconds(10)) == "one")
      }
    }
  }

  @Test(arguments: [TCPProxy.Mode.cut, .cutToServer, .cutToClient])
  func whatACutHoldsBackArrivesWhenItHasHealed(mode: TCPProxy.Mode) async throws {
    try await withProxy { proxy, client in
      try await talk(client) { send, replies in
        try await send("one")
        #expect(await replies.next(within: .seconds(10)) == "one")
        proxy.set(mode)
        try await send("two")
        #expect(await replies.next() == nil)
        proxy.set(.pass)
        #expect(await replies.next(within: .seconds(10)) == "two")
      }
    }
  }

  @Test func aResetEndsTheConnection() async throws {
    try await withProxy { proxy, client in
      try await talk(client) { send, replies in
        try await send("one")
        #expect(await replies.next(within: .seconds(10)) == "one")
        #expect(proxy.reset() == 1)
        #expect(await replies.next(within: .seconds(10)) == "end")
      }
    }
  }

  @Test func anAbandonedConnectionHearsNothingMore() async throws {
    try await withProxy { proxy, client in
      try await talk(client) { send, replies in
        try await send("one")
        #expect(await replies.next(within: .seconds(10)) == "one")
        #expect(proxy.abandon() == 1)
        try await send("two")
        #expect(await replies.next() == nil)
      }
    }
  }

  @Test func anAnswerIsLostAfterTheRequestHasArrived() async throws {
    try await withProxy { proxy, client in
      try await talk(client) { send, replies in
        proxy.loseAnswers(toRequests: "POST /x", count: 1)
        try await send("GET /y")
        #expect(await replies.next(within: .seconds(10)) == "GET /y")
        try await send("POST /x")
        #expect(await replies.next(within: .seconds(10)) == "end")
        #expect(proxy.lostAnswers == 1)
      }
    }
  }
}
