import BatonTestSupport
import Foundation
import Testing

@testable import BatonCoordinator

/// What decides who comes in: files of tokens, `Authorization`, certificates and keys.
@Suite struct AccessFuzzTests {
  private static let fleet = Access.make(role: .work, name: "fleet-a")
  private static let people = Access.make(role: .submit, name: "people")
  private static let me = Access.make(role: .admin, name: "me")

  /// Read in another way than the coordinator does it: which digest has which role; nil when the file is to be refused.
  private static func expected(_ bytes: [UInt8]) -> [String: String]? {
    var roles: [String: String] = [:]
    for line in String(decoding: bytes, as: UTF8.self).unicodeScalars.split(separator: "\n") {
      let content = String(String.UnicodeScalarView(line.prefix { $0 != "#" }))
      if content.unicodeScalars.allSatisfy(Self.isSpace) { continue }
      let words = content.unicodeScalars.split(whereSeparator: Self.isSpace).map(String.init)
      guard words.count == 3, ["submit", "work", "admin"].contains(words[0]), words[2].utf8.count == 64,
        words[2].utf8.allSatisfy({ "0123456789abcdefABCDEF".utf8.contains($0) })
      else { return nil }
      let digest = words[2].lowercased()
      guard roles[digest] ?? words[0] == words[0] else { return nil }
      roles[digest] = words[0]
    }
    return roles.isEmpty ? nil : roles
  }

  private static func isSpace(_ scalar: Unicode.Scalar) -> Bool { " \t\r\n\u{B}\u{C}".unicodeScalars.contains(scalar) }

  private func check(_ bytes: [UInt8]) {
    let text = String(decoding: bytes, as: UTF8.self)
    let expected = Self.expected(bytes)
    do {
      let access = try Access(text: text, path: "tokens")
      for made in [Self.fleet, Self.people, Self.me] {
        let role = access.role(authorization: "Bearer \(made.token)")?.rawValue
        #expect(expected != nil && role == expected?[String(made.line.suffix(64))], "\(text)")
      }
      #expect(!access.isOpen && access.role(authorization: "Bearer nobody's") == nil)
    } catch {
      #expect(expected == nil, "refused with \(error): \(text)")
      let words = "\(error)"
      #expect(words.hasPrefix("tokens:") && words.firstMatch(of: /[0-9a-fA-F]{16}/) == nil)
    }
  }

  @Test(arguments: seeds) func filesOfTokens(seed: UInt64) {
    let lines = [Self.fleet, Self.people, Self.me].map(\.line)
    let upper = String(Self.me.line.dropLast(64)) + Self.me.line.suffix(64).uppercased()
    let good = [
      "# tokens\n\(lines[0])\n\n\(lines[1]) # theirs\r\n\t\(upper)\r\n", lines.joined(separator: "\n"), lines[0],
      "\(lines[2])\n\(lines[2])\n",
    ].map { Array($0.utf8) }
    for text in good {
      #expect(Self.expected(text) != nil)
      check(text)
    }
    var mutator = Mutator(random: SeededGenerator(seed: seed))
    for _ in 0..<cases { check(mutator.mutate(good)) }
    // Within a digest, where most that is damaged would still be read by a reader that is not strict.
    for _ in 0..<cases {
      var text = Array(lines[0].utf8)
      let pair =
        ["+f", "-0", "+0", "0x", "_1", "\u{E9}", "\r1", "#1", "G0"].randomElement(using: &mutator.random) ?? ""
      let place = text.count - 2 * Int.random(in: 1...32, using: &mutator.random)
      text.replaceSubrange(place..<(place + 2), with: Array(pair.utf8))
      check(text)
    }
    // The same token again, as it is or with another role.
    for _ in 0..<cases / 10 {
      let role = Access.Role.allCases.randomElement(using: &mutator.random) ?? .work
      let name = Int.random(in: 0...9, using: &mutator.random)
      check(
        Array(
          (lines + ["\(role.rawValue) n\(name) \(lines[0].suffix(64))"]).shuffled(using: &mutator.random)
            .joined(separator: "\n").utf8))
    }
  }

  @Test(arguments: seeds) func authorizations(seed: UInt64) throws {
    let access = try Access(text: Self.fleet.line, path: "tokens")
    let good = ["Bearer \(Self.fleet.token)", "bearer   \(Self.fleet.token)"].map { Array($0.utf8) }
    for header in good { #expect(access.role(authorization: String(decoding: header, as: UTF8.self)) == .work) }
    var mutator = Mutator(random: SeededGenerator(seed: seed))
    for _ in 0..<cases {
      let header = String(decoding: mutator.mutate(good), as: UTF8.self)
      let scheme = String(decoding: header.utf8.prefix(7), as: UTF8.self).lowercased()
      let token = Array(header.utf8.dropFirst(7).drop { $0 == UInt8(ascii: " ") })
      let isRight = scheme == "bearer " && token == Array(Self.fleet.token.utf8)
      #expect((access.role(authorization: header) == .work) == isRight, "\(header)")
    }
  }

  /// Whatever somebody writes over the files, the pair in use is a whole one: the new one, or the one before.
  @Test(
    .enabled(if: TestAuthority.isAvailable, Comment(rawValue: TestAuthority.missing)), arguments: seeds.prefix(4))
  func certificatesAndKeys(seed: UInt64) async throws {
    let authority = try await TestAuthority()
    defer { authority.remove() }
    let issued = try await authority.issue()
    let other = try await authority.issue()
    func read(_ path: String) throws -> [UInt8] { Array(try Data(contentsOf: URL(fileURLWithPath: path))) }
    func write(_ bytes: [UInt8], _ path: String) throws { try Data(bytes).write(to: URL(fileURLWithPath: path)) }
    let (certificate, key) = (try read(issued.certificate), try read(issued.key))
    let secrets = String(decoding: key, as: UTF8.self).split(separator: "\n").filter { !$0.hasPrefix("-") }
    let identity = try TLSIdentity(certificatePath: issued.certificate, keyPath: issued.key)
    let expiry = identity.expiry
    var mutator = Mutator(random: SeededGenerator(seed: seed))
    let certificates = [certificate, try read(other.certificate), certificate + (try read(authority.certificate))]
    let keys = [key, try read(other.key)]
    var refusals = 0
    for _ in 0..<cases / 4 {
      let isCertificate = Bool.random(using: &mutator.random)
      let path = isCertificate ? issued.certificate : issued.key
      try write(mutator.mutate(isCertificate ? certificates : keys), path)
      let before = identity.context
      do {
        try identity.reload()
        // A key that is read is the certificate's own; a certificate that is read may say another date.
        if !isCertificate { #expect(identity.expiry == expiry) }
      } catch {
        refusals += 1
        let words = "\(try #require(error as? AccessFileError))"
        #expect(identity.context === before && words.contains(path))
        #expect(secrets.allSatisfy { !words.contains($0) })
      }
      try write(isCertificate ? certificate : key, path)
      try identity.reload()
      #expect(identity.expiry == expiry)
    }
    #expect(refusals > cases / 8, "hardly anything was damaged")
  }
}
