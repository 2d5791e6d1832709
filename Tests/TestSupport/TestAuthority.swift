import Foundation
import Subprocess

/// A certificate authority of a test's own, made by `openssl` and trusted by nobody else.
public struct TestAuthority: Sendable {
  /// A certificate that it has signed, and its key.
  public struct Issued: Sendable {
    public let certificate: String
    public let key: String
  }

  /// Why tests of TLS are skipped where they are.
  public static let missing = "TLS IS NOT TESTED: there is no openssl to make certificates with"

  public static let isAvailable = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
    .contains { FileManager.default.isExecutableFile(atPath: "\($0)/openssl") }

  /// Holds everything; open to others, but for the keys.
  public let folder: String
  /// Its own certificate, for those who are to trust it.
  public var certificate: String { folder + "/ca.crt" }

  public init() async throws {
    folder = NSTemporaryDirectory() + "baton-ca-" + UUID().uuidString
    try FileManager.default.createDirectory(
      atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o755])
    try await openssl(
      [
        "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
        "/CN=Test authority \(UUID().uuidString)", "-keyout", "ca.key", "-out", "ca.crt",
      ])
  }

  /// - Parameter names: As in a certificate: `DNS:localhost`, `IP:127.0.0.1`.
  public func issue(_ names: [String] = ["DNS:localhost", "IP:127.0.0.1"]) async throws -> Issued {
    let name = UUID().uuidString
    try "subjectAltName=\(names.joined(separator: ","))\n".write(
      toFile: "\(folder)/\(name).ext", atomically: true, encoding: .utf8)
    try await openssl(
      [
        "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj",
        "/CN=\(name.prefix(8))", "-keyout", "\(name).key", "-out", "\(name).csr",
      ])
    try await openssl(
      [
        "x509", "-req", "-in", "\(name).csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-set_serial",
        "\(UInt32.random(in: 1 ... .max))", "-days", "1", "-extfile", "\(name).ext", "-out", "\(name).crt",
      ])
    let key = "\(folder)/\(name).key"
    try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: key)
    return Issued(certificate: "\(folder)/\(name).crt", key: key)
  }

  public func remove() { try? FileManager.default.removeItem(atPath: folder) }

  private func openssl(_ arguments: [String]) async throws {
    let result = try await Subprocess.run(
      .name("openssl"), arguments: Arguments(arguments), workingDirectory: .init(folder), output: .discarded,
      error: .string(limit: 65_536))
    guard result.terminationStatus.isSuccess else { throw TestAuthorityError(description: result.standardError) }
  }
}

/// What `openssl` said.
public struct TestAuthorityError: Error, CustomStringConvertible {
  public let description: String
}
