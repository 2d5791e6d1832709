#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A thread for one piece of blocking work.
public enum BlockingThread {
  /// Runs `body` on a new thread, which ends with it.
  ///
  /// - Parameters:
  ///   - name: What the thread is called (cut to 15 characters, as Linux does).
  ///   - body: May block.
  public static func start(name: String, _ body: @escaping @Sendable () -> Void) {
    let work = Unmanaged.passRetained(Work(name: name, body: body)).toOpaque()
    #if canImport(Darwin)
      var thread: pthread_t?
      let status = pthread_create(&thread, nil, { BlockingThread.main($0) }, work)
      if status == 0, let thread { pthread_detach(thread) }
    #else
      var thread = pthread_t()
      let status = pthread_create(&thread, nil, { BlockingThread.main($0!) }, work)
      if status == 0 { pthread_detach(thread) }
    #endif
    precondition(status == 0, "cannot start a thread: \(String(cString: strerror(status)))")
  }

  private final class Work {
    let name: String
    let body: @Sendable () -> Void

    init(name: String, body: @escaping @Sendable () -> Void) {
      self.name = name
      self.body = body
    }
  }

  private static func main(_ argument: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer? {
    let work = Unmanaged<Work>.fromOpaque(argument).takeRetainedValue()
    nameThread(work.name)
    work.body()
    return nil
  }

  private static func nameThread(_ name: String) {
    #if canImport(Darwin)
      pthread_setname_np(name)
    #else
      // The C library's function for it is a GNU extension, which Swift does not see.
      let file = open("/proc/thread-self/comm", O_WRONLY | O_CLOEXEC)
      guard file >= 0 else { return }
      let bytes = Array(name.utf8.prefix(15))
      _ = write(file, bytes, bytes.count)
      close(file)
    #endif
  }
}
