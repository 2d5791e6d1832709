import Synchronization

/// A value that several tasks of a test look at and change.
public final class Kept<Value: Sendable>: Sendable {
  private let mutex: Mutex<Value>

  public init(_ value: Value) { mutex = Mutex(value) }

  public var value: Value { mutex.withLock { $0 } }

  public func change(_ body: (inout Value) -> Void) {
    mutex.withLock { value in
      var changed = value
      body(&changed)
      value = changed
    }
  }
}
