import Crypto
import Foundation

/// Who may do what: bearer tokens with roles.
///
/// The file of tokens holds a line for each: `ROLE NAME SHA256`, where SHA256 is that of the token in hexadecimal digits.
/// A token has one role. The tokens themselves are nowhere on this machine.
public struct Access: Sendable {
  public enum Role: String, Sendable, CaseIterable {
    /// Submits, reads and changes jobs.
    case submit
    /// Leases jobs, and reads and changes what hangs on its leases.
    case work
    /// Everything.
    case admin
  }

  private struct Token: Sendable {
    let role: Role
    let digest: [UInt8]
  }

  /// nil: everybody may do everything.
  private let tokens: [Token]?

  /// Everybody may do everything.
  public static let open = Access(tokens: nil)

  private init(tokens: [Token]?) { self.tokens = tokens }

  public var isOpen: Bool { tokens == nil }

  /// How many tokens there are of each role, for people; empty when no token is asked for.
  var summary: String {
    Role.allCases.map { role in "\(role.rawValue) \((tokens ?? []).count { $0.role == role })" }.joined(separator: ", ")
  }

  /// Reads a file of tokens.
  /// - Throws: `AccessFileError` that names the line, or says that everybody may write to it.
  public init(file path: String) throws {
    let file = GuardedFile(setting: "TOKENS_FILE", path: path, guarded: .againstWriting)
    try self.init(text: String(decoding: try file.read(), as: UTF8.self), path: path)
  }

  init(text: String, path: String) throws {
    var tokens: [Token] = []
    /// Where each digest stood.
    var places: [[UInt8]: (line: Int, role: Role)] = [:]
    // By bytes: for `Character`, a line end of Windows is none, nor is a `#` that an accent follows.
    let lines = text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    for (number, line) in lines.enumerated() {
      let words = line.prefix { $0 != UInt8(ascii: "#") }.split { $0 == UInt8(ascii: " ") || (9...13).contains($0) }
      if words.isEmpty { continue }
      guard words.count == 3, let role = Role(rawValue: String(Substring(words[0]))),
        let digest = Self.bytes(hex: words[2])
      else {
        throw AccessFileError(
          description: "\(path):\(number + 1): expected 'ROLE NAME SHA256' with a role of submit, work or admin and "
            + "64 hexadecimal digits ('coordinator token' makes such lines)")
      }
      if let first = places[digest], first.role != role {
        throw AccessFileError(
          description: "\(path):\(number + 1): the token of line \(first.line) again, with another role. A token has "
            + "one role: make a second token, or give it the role admin, which includes the others")
      }
      places[digest] = (number + 1, role)
      tokens.append(Token(role: role, digest: digest))
    }
    guard !tokens.isEmpty else { throw AccessFileError(description: "\(path): holds no token") }
    self.tokens = tokens
  }

  /// The role of whoever sends this `Authorization` header; nil when it is nobody's.
  func role(authorization: String?) -> Role? {
    guard let tokens else { return .admin }
    guard let authorization, authorization.lowercased().hasPrefix("bearer ") else { return nil }
    let given = Array(SHA256.hash(data: Data(authorization.dropFirst(7).drop { $0 == " " }.utf8)))
    var found: Role?
    // All are compared, and each whole, so that the time taken tells nothing.
    for token in tokens where Self.areEqual(token.digest, given) { found = token.role }
    return found
  }

  private static func areEqual(_ one: [UInt8], _ other: [UInt8]) -> Bool {
    zip(one, other).reduce(one.count == other.count ? 0 : 1) { $0 | ($1.0 ^ $1.1) } == 0
  }

  /// The bytes of a digest: 64 digits and nothing else. (`UInt8(_:radix:)` would take a sign for one.)
  private static func bytes(hex: some Sequence<UInt8>) -> [UInt8]? {
    var digits: [UInt8] = []
    for character in hex {
      guard let digit = PercentEncoding.hexDigit(character) else { return nil }
      digits.append(digit)
    }
    guard digits.count == 64 else { return nil }
    return (0..<32).map { digits[2 * $0] << 4 | digits[2 * $0 + 1] }
  }

  /// Makes a new token of 256 random bits, and the line of the file that lets it in.
  public static func make(role: Role, name: String) -> (token: String, line: String) {
    let token = "baton_" + SymmetricKey(size: .bits256).withUnsafeBytes { hex($0) }
    return (token, "\(role.rawValue) \(name) \(hex(SHA256.hash(data: Data(token.utf8))))")
  }

  private static func hex(_ bytes: some Sequence<UInt8>) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }
}

/// What is wrong with a file of tokens.
public struct AccessFileError: Error, CustomStringConvertible {
  public let description: String
}
