import Foundation

/// Ends this process in good order when its standard input ends: the parent that holds the other end has gone, however
/// it went.
enum ParentWatch {
  static func begin() {
    // A thread of its own: reading blocks, and there is nothing to await.
    Thread.detachNewThread {
      var byte: UInt8 = 0
      while true {
        let count = read(STDIN_FILENO, &byte, 1)
        if count == 0 || (count < 0 && errno != EINTR) { break }
      }
      kill(getpid(), SIGTERM)
    }
  }
}
