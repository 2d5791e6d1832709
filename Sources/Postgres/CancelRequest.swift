import BatonThreads
import CLibPQ

/// A request to the server to stop a statement. It goes over a connection of its own and blocks, so on its own thread.
final class CancelRequest: @unchecked Sendable {
  /// Readable once the server has taken the request, or it has failed.
  let done: WakePipe
  private let cancel: OpaquePointer

  private init(_ cancel: OpaquePointer, done: WakePipe) {
    self.cancel = cancel
    self.done = done
  }

  deinit {
    PQfreeCancel(cancel)
  }

  /// Sends a request for whatever runs on the connection; nil if that cannot even be tried.
  static func send(for handle: LibPQHandle) -> CancelRequest? {
    guard let done = try? WakePipe(), let cancel = PQgetCancel(handle.pointer) else { return nil }
    let request = CancelRequest(cancel, done: done)
    BlockingThread.start(name: "postgres-cancel") {
      var message = [CChar](repeating: 0, count: 256)
      _ = PQcancel(request.cancel, &message, Int32(message.count))
      request.done.signal()
    }
    return request
  }
}
