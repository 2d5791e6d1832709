#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif
#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A file with the worker's token, for whoever does not want it in an environment.
enum TokenFile {
  /// Why it is not used, to continue "expected …".
  struct Refusal: Error, Equatable {
    let expected: String
  }

  /// More is no token.
  private static let limit = 4096

  /// Reads the token.
  ///
  /// - Parameter user: Whom programs of jobs run as, who must not be able to read it either.
  static func read(_ path: String, hiddenFrom user: ExecUser?) throws(Refusal) -> String {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else {
      throw Refusal(expected: "a file that can be read (\(String(cString: strerror(errno))))")
    }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG, (0...limit) ~= Int(status.st_size),
      let bytes = ExchangedFile.read(Int(status.st_size), from: descriptor)
    else { throw Refusal(expected: "a file of at most \(limit) bytes") }
    if status.st_mode & 0o006 != 0 {
      throw Refusal(expected: "a file that other users can neither read nor write (chmod o-rwx)")
    }
    // Where the file has a list of users (an ACL), the bits of the group tell the most that any of them may.
    if let user, user.userID == status.st_uid || status.st_mode & 0o060 != 0 {
      throw Refusal(
        expected: "a file of its owner alone (chmod go-rwx), not of \(user.label), whom programs run as (EXEC_USER)")
    }
    return try token(in: bytes)
  }

  /// The token that a file's content is.
  static func token(in bytes: [UInt8]) throws(Refusal) -> String {
    let words = String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isWhitespace)
    guard words.count == 1 else { throw Refusal(expected: "a file with a token in it, and nothing else") }
    return String(words[0])
  }
}
