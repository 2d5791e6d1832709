import Hummingbird
import Logging
import NIOCore

/// What handlers know of a request besides the request.
struct APIContext: RequestContext {
  var coreContext: CoreRequestContextStorage
  let channel: any Channel
  /// Of whoever asks; the least there is where nobody needs a token.
  var role = Access.Role.submit
  /// What the request's body takes of the memory for all of them; nil outside of a route.
  var share: MemoryShare?

  init(source: ApplicationRequestContextSource) {
    coreContext = CoreRequestContextStorage(source: source)
    channel = source.channel
  }
}
