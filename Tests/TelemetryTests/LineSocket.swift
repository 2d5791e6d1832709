import Foundation

/// A pair of connected datagram sockets: each `write(2)` on `descriptor` is one message on the other side, so that a
/// line written in pieces shows.
final class LineSocket {
  let descriptor: Int32
  private let reading: Int32

  init() throws {
    #if os(Linux)
      let kind = Int32(SOCK_DGRAM.rawValue)
    #else
      let kind = SOCK_DGRAM
    #endif
    var pair: [Int32] = [-1, -1]
    guard socketpair(AF_UNIX, kind, 0, &pair) == 0 else { throw POSIXError(.EIO) }
    (descriptor, reading) = (pair[0], pair[1])
  }

  deinit {
    close(descriptor)
    close(reading)
  }

  /// The next message; an error, not a wait, if nothing was written.
  func next() throws -> String {
    var buffer = [UInt8](repeating: 0, count: 131_072)
    let count = recv(reading, &buffer, buffer.count, Int32(MSG_DONTWAIT))
    guard count >= 0 else { throw POSIXError(.EAGAIN) }
    return String(decoding: buffer[..<count], as: UTF8.self)
  }
}
