import BatonLocalPostgres
import Testing

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A port of 127.0.0.1 that accepts connections and never says a word.
final class SilentListener: Sendable {
  let port: Int
  private let descriptor: Int32

  init() throws {
    let bound = try #require(LoopbackPorts.bound())
    (descriptor, port) = bound
    // The kernel accepts on our behalf, up to the backlog.
    try #require(listen(descriptor, 16) == 0)
  }

  deinit {
    close(descriptor)
  }
}
