import NIOCore
import NIOPosix
import Synchronization

/// What stands between two parts of a fleet, and behaves as bad networks do.
///
/// Bytes that a cut holds back arrive when it has healed, as TCP would send them again. While it lasts, nobody gets a new
/// connection: see ``LoopbackListener``.
final class TCPProxy: Sendable {
  /// What becomes of bytes.
  enum Mode: Sendable, Equatable {
    case pass
    /// Nothing arrives, in neither direction.
    case cut
    /// Requests do not arrive.
    case cutToServer
    /// Answers do not arrive.
    case cutToClient
    /// Everything arrives so many seconds late, in each direction.
    case delay(seconds: Double)

    /// Whether no connection comes about: that takes a packet in each direction.
    var isCut: Bool {
      switch self {
      case .cut, .cutToServer, .cutToClient: true
      case .pass, .delay: false
      }
    }

    func holds(back direction: ProxyHandler.Direction) -> Bool {
      switch self {
      case .cut: true
      case .cutToServer: direction == .toServer
      case .cutToClient: direction == .toClient
      case .pass, .delay: false
      }
    }
  }

  let core: ProxyCore
  /// Where it listens, on 127.0.0.1.
  let port: Int
  private let listener: LoopbackListener

  /// Listens on a free port of 127.0.0.1.
  init() async throws {
    let core = ProxyCore()
    let listener = try await LoopbackListener { client in core.accept(client) }
    self.core = core
    self.listener = listener
    port = listener.port
  }

  /// Stops listening, and closes all connections.
  func close() async {
    await listener.close()
    reset()
  }

  /// Where it leads to from now on, on 127.0.0.1; connections that there are stay.
  func lead(to port: Int) { core.state.withLock { $0.target = port } }

  /// From now on bytes fare so.
  func set(_ mode: Mode) {
    core.state.withLock { $0.mode = mode }
    listener.set(isReachable: !mode.isCut)
    tell(.lookAgain)
  }

  /// Resets all connections.
  /// - Returns: How many there were.
  @discardableResult
  func reset() -> Int { tell(.reset) }

  /// Neither side of a connection hears of the other any more, and neither is told so. New connections work.
  /// - Returns: How many connections there were; what is sent on them from now on goes nowhere.
  @discardableResult
  func abandon() async -> Int {
    let clients = core.state.withLock { Array($0.clients.values) }
    for client in clients {
      // Carried out when this returns: what is readable by then could else be read first.
      try? await client.eventLoop.submit { client.pipeline.fireUserInboundEventTriggered(ProxyHandler.Order.abandon) }
        .get()
    }
    return clients.count
  }

  /// The answers to the next `count` requests that begin so do not arrive: their connections are reset instead.
  func loseAnswers(toRequests start: String, count: Int) {
    core.state.withLock { $0.loss = (Array(start.utf8), count) }
  }

  /// How many answers were lost so.
  var lostAnswers: Int { core.state.withLock { $0.lostAnswers } }

  @discardableResult
  private func tell(_ order: ProxyHandler.Order) -> Int {
    let clients = core.state.withLock { Array($0.clients.values) }
    for client in clients { client.pipeline.fireUserInboundEventTriggered(order) }
    return clients.count
  }
}

/// What the connections of a proxy have in common.
final class ProxyCore: Sendable {
  struct State: Sendable {
    var mode = TCPProxy.Mode.pass
    var target: Int?
    /// The clients' sides of the open connections.
    var clients: [ObjectIdentifier: any Channel] = [:]
    var loss: (request: [UInt8], left: Int)?
    var lostAnswers = 0
  }

  let state = Mutex(State())

  /// Takes a client in: connects to the server on its behalf, and passes bytes from one to the other.
  func accept(_ client: any Channel) -> EventLoopFuture<Void> {
    guard let target = state.withLock({ $0.target }) else { return client.close() }
    state.withLock { $0.clients[ObjectIdentifier(client)] = client }
    client.closeFuture.whenComplete { [self] _ in
      _ = state.withLock { $0.clients.removeValue(forKey: ObjectIdentifier(client)) }
    }
    let exchange = ProxyExchange()
    return client.eventLoop.makeCompletedFuture {
      try client.pipeline.syncOperations.addHandler(ProxyHandler(.toServer, core: self, exchange: exchange))
    }.map { [self] in
      ClientBootstrap(group: client.eventLoop)
        .connectTimeout(.seconds(5))
        .channelInitializer { [self] server in
          server.eventLoop.makeCompletedFuture {
            try server.pipeline.syncOperations.addHandler(
              ProxyHandler(.toClient, core: self, exchange: exchange, peer: client))
          }
        }
        .connect(host: "127.0.0.1", port: target)
        .whenComplete { result in
          switch result {
          case .success(let server): client.pipeline.fireUserInboundEventTriggered(ProxyHandler.Order.join(server))
          case .failure: client.pipeline.fireUserInboundEventTriggered(ProxyHandler.Order.reset)
          }
        }
    }
  }

  /// Whether the answer that comes now is one that is to be lost.
  func losesAnswer(of exchange: ProxyExchange) -> Bool {
    guard
      exchange.awaitsAnswerToLose.withLock({ awaits in
        defer { awaits = false }
        return awaits
      })
    else { return false }
    return state.withLock { state in
      guard let loss = state.loss, loss.left > 0 else { return false }
      state.loss = (loss.request, loss.left - 1)
      state.lostAnswers += 1
      return true
    }
  }
}

/// What the two sides of one connection have to tell each other.
final class ProxyExchange: Sendable {
  /// Whether the request that was sent last is one whose answer is to be lost.
  let awaitsAnswerToLose = Mutex(false)
}
