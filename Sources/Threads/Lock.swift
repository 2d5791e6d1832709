#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A value behind a lock, for locks that many threads ask for at once.
///
/// On Linux a `Mutex` goes, when it is let go of, to whoever has waited for it, who has to be woken first; meanwhile
/// nobody has it, and everybody else who comes waits in line, too: a convoy, with two changes of threads for each. This one
/// goes to whoever asks next.
public struct Lock<Value: Sendable>: ~Copyable, @unchecked Sendable {
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private let value: UnsafeMutablePointer<Value>

  public init(_ value: Value) {
    mutex = .allocate(capacity: 1)
    mutex.initialize(to: pthread_mutex_t())
    pthread_mutex_init(mutex, nil)
    self.value = .allocate(capacity: 1)
    self.value.initialize(to: value)
  }

  deinit {
    value.deinitialize(count: 1).deallocate()
    pthread_mutex_destroy(mutex)
    mutex.deinitialize(count: 1).deallocate()
  }

  /// Does something with the value while nobody else has it. Not to be called again from within `body`.
  @inlinable
  public borrowing func withLock<Result, Failure: Error>(
    _ body: (inout Value) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    acquire()
    defer { release() }
    return try body(&contents.pointee)
  }

  @usableFromInline var contents: UnsafeMutablePointer<Value> { value }
  @usableFromInline func acquire() { pthread_mutex_lock(mutex) }
  @usableFromInline func release() { pthread_mutex_unlock(mutex) }
}
