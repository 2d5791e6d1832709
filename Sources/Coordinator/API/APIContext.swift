import Hummingbird
import Logging
import NIOCore

/// What handlers know of a request besides the request.
struct APIContext: RequestContext {
  var coreContext: CoreRequestContextStorage
  let channel: any Channel
  /// Of whoever asks; the least there is where nobody needs a token.
  var role = Access.Role.submit

  init(source: ApplicationRequestContextSource) {
    coreContext = CoreRequestContextStorage(source: source)
    channel = source.channel
  }
}
