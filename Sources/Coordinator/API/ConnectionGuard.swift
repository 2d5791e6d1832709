import BatonShared
import NIOCore
import NIOHTTP1

/// Ends connections whose client is too slow: with its header, with a body, or with taking an answer.
///
/// Only the client's own time counts. While a request is being worked on (a long poll, say), or its body is held back
/// because memory is short, no clock runs.
final class ConnectionGuard: ChannelDuplexHandler, RemovableChannelHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias InboundOut = HTTPServerRequestPart
  typealias OutboundIn = HTTPServerResponsePart
  typealias OutboundOut = HTTPServerResponsePart

  /// How long a client may take to read why its connection ends.
  private static let farewell = TimeAmount.seconds(2)

  private let limits: RequestLimits
  private let headerTimeout: TimeAmount
  private let transferTimeout: TimeAmount

  /// Requests whose answer has not been written.
  private var openRequests = 0
  /// When the header began that is not complete; nil when none has begun.
  private var headerStart: NIODeadline? = .now()
  private var hasHeaderBytes = false
  private var header = HeaderLines()
  private var headerTimer: Scheduled<Void>?

  private var isReadingBody = false
  /// Counts the requests, to tell whose body is being read.
  private var request = 0
  /// Since when the body is waited for; nil while nobody wants more of it.
  private var bodyWait: NIODeadline?
  private var bodyTime = TimeAmount.zero
  private var bodyBytes = 0
  private var bodyTimer: Scheduled<Void>?

  /// Since when the client does not take what was written, and how much that is.
  private var answerStart: NIODeadline?
  private var answerBytes = 0
  private var answerTimer: Scheduled<Void>?
  /// A small answer goes out in one piece, however many it is written in.
  private var isWritingSmallAnswer = false

  /// Nothing is read any more: the connection ends once its last words are out.
  private var isEnding = false

  init(limits: RequestLimits) {
    self.limits = limits
    headerTimeout = .nanoseconds(Int64(limits.headerTimeoutSeconds * 1e9))
    transferTimeout = .nanoseconds(Int64(limits.transferTimeoutSeconds * 1e9))
  }

  // MARK: Life

  func handlerAdded(context: ChannelHandlerContext) {
    if context.channel.isActive { watchHeader(context) }
  }

  func channelActive(context: ChannelHandlerContext) {
    headerStart = .now()
    watchHeader(context)
    context.fireChannelActive()
  }

  func channelInactive(context: ChannelHandlerContext) {
    stopTimers()
    context.fireChannelInactive()
  }

  func handlerRemoved(context: ChannelHandlerContext) { stopTimers() }

  private func stopTimers() {
    for timer in [headerTimer, bodyTimer, answerTimer] { timer?.cancel() }
    (headerTimer, bodyTimer, answerTimer) = (nil, nil, nil)
  }

  // MARK: Requests

  /// Bytes have come in, before anybody has understood them.
  func received(_ bytes: ByteBuffer) {
    guard openRequests == 0, !isReadingBody else { return }
    if headerStart == nil { headerStart = .now() }
    hasHeaderBytes = true
    header.read(bytes)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard !isEnding else { return }
    switch unwrapInboundIn(data) {
    case .head:
      (headerStart, hasHeaderBytes, header) = (nil, false, HeaderLines())
      openRequests += 1
      request += 1
      isReadingBody = true
      (bodyWait, bodyTime, bodyBytes) = (nil, .zero, 0)
    case .body(let bytes):
      bodyBytes += bytes.readableBytes
      if let start = bodyWait { bodyTime = bodyTime + (.now() - start) }
      bodyWait = nil
    case .end:
      isReadingBody = false
    }
    context.fireChannelRead(data)
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    if headerStart != nil { watchHeader(context) }
    context.fireChannelReadComplete()
  }

  func read(context: ChannelHandlerContext) {
    if isReadingBody, bodyWait == nil {
      bodyWait = .now()
      watchBody(context)
    }
    context.read()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    guard let error = error as? HTTPParserError, openRequests == 0 else { return context.fireErrorCaught(error) }
    switch error {
    case .headerOverflow where header.count > RequestLimits.maximumHeaderFields + 1:
      refuse(.tooManyHeaderFields(RequestLimits.maximumHeaderFields), context)
    case .headerOverflow where header.count > 0: refuse(.headerTooLarge(limits.maxHeaderBytes), context)
    case .headerOverflow: refuse(.urlTooLong(limits.maxURLBytes), context)
    case .invalidEOFState: context.close(promise: nil)
    default: refuse(Problem(.invalidRequest, "this is not a request of HTTP/1.1"), context)
    }
  }

  // MARK: Answers

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    switch unwrapOutboundIn(data) {
    case .head(let head):
      answerBytes = 0
      // An interim answer is followed by the real one.
      if (100..<200).contains(head.status.code) { return context.write(data, promise: promise) }
      let length = head.headers.first(name: "content-length").flatMap { Int($0) }
      isWritingSmallAnswer = length.map { $0 <= 16 << 10 } ?? false
    case .body(let part):
      answerBytes += part.readableBytes
    case .end:
      isWritingSmallAnswer = false
      openRequests -= 1
      context.write(data, promise: promise)
      if isEnding {
        end(context)
      } else if isReadingBody {
        endUnlessBodyEnds(context)
      }
      return
    }
    context.write(data, promise: promise)
  }

  func flush(context: ChannelHandlerContext) {
    if !isWritingSmallAnswer { context.flush() }
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    if context.channel.isWritable {
      (answerStart, answerBytes) = (nil, 0)
    } else {
      answerStart = .now()
      watchAnswer(context)
    }
    context.fireChannelWritabilityChanged()
  }

  // MARK: Clocks

  /// A timer that finds that it rang too early is set again; so there is at most one of a kind, however many requests.
  private func watchHeader(_ context: ChannelHandlerContext) {
    guard headerTimer == nil, let start = headerStart else { return }
    headerTimer = context.eventLoop.assumeIsolated().scheduleTask(deadline: start + headerTimeout) {
      self.headerTimer = nil
      guard let start = self.headerStart, !self.isEnding else { return }
      guard start + self.headerTimeout <= .now() else { return self.watchHeader(context) }
      if self.hasHeaderBytes {
        self.refuse(.tooSlow("the header"), context)
      } else {
        context.close(promise: nil)
      }
    }
  }

  private func watchBody(_ context: ChannelHandlerContext) {
    guard bodyTimer == nil, let start = bodyWait else { return }
    bodyTimer = context.eventLoop.assumeIsolated().scheduleTask(deadline: start + bodyTimeLeft) {
      self.bodyTimer = nil
      guard self.isReadingBody, !self.isEnding, let start = self.bodyWait else { return }
      guard start + self.bodyTimeLeft <= .now() else { return self.watchBody(context) }
      // Whoever reads the body gets this, and answers; if nobody does any more, the end comes all the same.
      self.isEnding = true
      context.fireErrorCaught(Problem.tooSlow("the body"))
      self.close(context, after: Self.farewell)
    }
  }

  private var bodyTimeLeft: TimeAmount { allowance(bodyBytes) - bodyTime }

  private func watchAnswer(_ context: ChannelHandlerContext) {
    guard answerTimer == nil, let start = answerStart else { return }
    answerTimer = context.eventLoop.assumeIsolated().scheduleTask(deadline: start + allowance(answerBytes)) {
      self.answerTimer = nil
      guard let start = self.answerStart else { return }
      guard start + self.allowance(self.answerBytes) <= .now() else { return self.watchAnswer(context) }
      context.close(promise: nil)
    }
  }

  private func allowance(_ bytes: Int) -> TimeAmount {
    transferTimeout + .milliseconds(Int64(bytes) * 1000 / Int64(limits.slowestBytesPerSecond))
  }

  // MARK: Ending

  /// Answers something that nobody else has heard of yet, and ends the connection.
  private func refuse(_ problem: Problem, _ context: ChannelHandlerContext) {
    guard !isEnding else { return }
    isEnding = true
    let body = ByteBuffer(bytes: problem.json)
    let head = HTTPResponseHead(
      version: .http1_1, status: HTTPResponseStatus(statusCode: problem.status),
      headers: [
        "content-type": "application/problem+json", "content-length": "\(body.readableBytes)", "connection": "close",
      ])
    context.write(wrapOutboundOut(.head(head)), promise: nil)
    context.write(wrapOutboundOut(.body(.byteBuffer(body))), promise: nil)
    context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    end(context)
  }

  /// Closes soon, not now: what was sent and not read would make the kernel throw away the answer.
  private func end(_ context: ChannelHandlerContext) {
    isEnding = true
    close(context, after: Self.farewell)
  }

  /// The client has its answer and goes on sending: it may finish and come again, but not send for ever. It may look at
  /// the answer only when it has sent everything, so it gets as long as a body may take to begin.
  private func endUnlessBodyEnds(_ context: ChannelHandlerContext) {
    let answered = request
    context.eventLoop.assumeIsolated().scheduleTask(in: max(Self.farewell, transferTimeout)) {
      if self.request == answered, self.isReadingBody { context.close(promise: nil) }
    }
  }

  private func close(_ context: ChannelHandlerContext, after delay: TimeAmount) {
    context.eventLoop.assumeIsolated().scheduleTask(in: delay) { context.close(promise: nil) }
  }
}

@available(*, unavailable)
extension ConnectionGuard: Sendable {}

/// Counts the lines of a header that nobody has understood yet, to say what is too much about it.
private struct HeaderLines {
  private(set) var count = 0
  private var isAtLineStart = true
  private var isOver = false

  mutating func read(_ bytes: ByteBuffer) {
    bytes.withUnsafeReadableBytes { bytes in
      for byte in bytes {
        if isOver { return }
        switch byte {
        case UInt8(ascii: "\r"): break
        case UInt8(ascii: "\n"):
          // An empty line ends it; those in front of the first line are passed over.
          if !isAtLineStart { count += 1 } else if count > 0 { isOver = true }
          isAtLineStart = true
        default: isAtLineStart = false
        }
      }
    }
  }
}

/// Stands before everything else in the pipeline, and tells the guard of bytes that are no request yet.
private final class FirstBytes: ChannelInboundHandler, RemovableChannelHandler {
  typealias InboundIn = ByteBuffer

  private let guardian: ConnectionGuard

  init(_ guardian: ConnectionGuard) { self.guardian = guardian }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guardian.received(unwrapInboundIn(data))
    context.fireChannelRead(data)
  }
}

/// Puts a guard where it belongs in a server's pipeline: right behind the decoder of HTTP/1.1.
final class ConnectionGuardInstaller: ChannelInboundHandler, RemovableChannelHandler, Sendable {
  typealias InboundIn = NIOAny

  private let limits: RequestLimits

  init(limits: RequestLimits) { self.limits = limits }

  func handlerAdded(context: ChannelHandlerContext) {
    do {
      let pipeline = context.pipeline.syncOperations
      let decoder = try pipeline.handler(type: ByteToMessageHandler<HTTPRequestDecoder>.self)
      let guardian = ConnectionGuard(limits: limits)
      try pipeline.addHandler(guardian, position: .after(decoder))
      try pipeline.addHandler(FirstBytes(guardian), position: .before(decoder))
      // A connection keeps what it was last read into, and ten thousand that wait for work read next to nothing. Where
      // more comes in, this grows by itself.
      let reading = AdaptiveRecvByteBufferAllocator(minimum: 256, initial: 512, maximum: 65536)
      try context.channel.syncOptions?.setOption(.recvAllocator, value: reading)
      // Its work is done.
      pipeline.removeHandler(context: context, promise: nil)
    } catch {
      context.fireErrorCaught(error)
      context.close(promise: nil)
    }
  }
}
