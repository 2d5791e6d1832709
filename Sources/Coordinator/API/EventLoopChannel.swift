import HummingbirdCore
import Logging
import NIOCore

/// Serves a connection on the thread of its event loop.
///
/// Otherwise every part of a request that is read or written is a change of threads, there and back: on two cores that
/// was a third of what a small request cost. What takes long does not belong here: large bodies are read elsewhere, and
/// the database has threads of its own.
struct EventLoopChannel<Base: ServerChildChannel>: ServerChildChannel {
  let base: Base

  func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Base.Value> {
    base.setup(channel: channel, logger: logger)
  }

  func handle(value: Base.Value, logger: Logger) async {
    await withTaskExecutorPreference(EventLoopExecutor.of(value.channel.eventLoop)) {
      await base.handle(value: value, logger: logger)
    }
  }
}

extension HTTPServerBuilder {
  /// HTTP/1.1 as it comes, but on the event loops: for what a coordinator is held against.
  package static func http1OnEventLoops() -> HTTPServerBuilder {
    HTTPServerBuilder { EventLoopChannel(base: HTTP1Channel(responder: $0)) }
  }
}
