import Synchronization

/// Who may do what at this moment: the file of tokens as it was read last.
final class AccessControl: Sendable {
  let path: String?
  private let state: Mutex<Access>

  /// - Parameter path: The file of tokens; nil to let everybody do everything.
  /// - Throws: `AccessFileError`.
  init(path: String?) throws {
    self.path = path
    state = Mutex(try path.map { try Access(file: $0) } ?? .open)
  }

  var current: Access { state.withLock { $0 } }

  /// Reads the file anew. Requests that are under way end as they began.
  /// - Throws: `AccessFileError`; then everything is as it was.
  func reload() throws {
    guard let path else { return }
    let new = try Access(file: path)
    state.withLock { $0 = new }
  }
}
