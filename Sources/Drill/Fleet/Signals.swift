#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// The signals that a drill sends.
enum Signals {
  static let kill = SIGKILL
  static let terminate = SIGTERM
  static let stop = SIGSTOP
  static let resume = SIGCONT
}
