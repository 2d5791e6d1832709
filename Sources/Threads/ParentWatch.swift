#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Ends this process in good order (SIGTERM) when its standard input ends: the parent that holds the other end has gone,
/// however it went.
public enum ParentWatch {
  /// Watches from now on, on a thread of its own: reading blocks, and there is nothing to await.
  public static func begin() {
    BlockingThread.start(name: "parent-watch") {
      var byte: UInt8 = 0
      while true {
        let count = read(STDIN_FILENO, &byte, 1)
        if count == 0 || (count < 0 && errno != EINTR) { break }
      }
      kill(getpid(), SIGTERM)
    }
  }
}
