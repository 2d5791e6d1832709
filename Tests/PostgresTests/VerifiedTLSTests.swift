import BatonLocalPostgres
import BatonPostgres
import BatonTestSupport
import Foundation
import Testing

/// `sslmode` in the URL is libpq's own; here it meets a server with a certificate.
@Suite(.serialized, .enabled(if: TestAuthority.isAvailable, Comment(rawValue: TestAuthority.missing)))
struct VerifiedTLSTests {
  @Test func onlyTheServerThatTheAuthorityVouchesForIsBelieved() async throws {
    let authority = try await TestAuthority()
    let stranger = try await TestAuthority()
    defer { for each in [authority, stranger] { each.remove() } }
    let certificate = try await authority.issue(["DNS:db.test"])
    // The server has an account of its own if these tests run as root.
    if getuid() == 0 {
      try FileManager.default.setAttributes([.ownerAccountName: "postgres"], ofItemAtPath: certificate.key)
    }
    let settings = TestServer.settings.merging([
      "ssl": "on", "ssl_cert_file": certificate.certificate, "ssl_key_file": certificate.key,
    ]) { $1 }
    let server = try TestServer.makeServer(settings: settings)
    try await server.start()
    let plain = await server.url(transport: .tcp)
    let password = try #require(plain.split(separator: ":").dropFirst(2).first?.split(separator: "@").first)

    /// - Returns: whether the connection is encrypted, and with which version.
    func connect(host: String, _ mode: String, _ authorities: String?) async throws -> String {
      var url = plain.replacing("@127.0.0.1", with: "@\(host)") + "?hostaddr=127.0.0.1&sslmode=\(mode)"
      if let authorities { url += "&sslrootcert=\(authorities)" }
      let connection = try await PostgresConnection.connect(PostgresConfiguration(url: url), logger: .quiet)
      let rows = try await connection.query(
        "select ssl::text || ' ' || coalesce(version, '') from pg_stat_ssl where pid = pg_backend_pid()")
      await connection.close()
      return try rows[0].text(0)
    }

    #expect(try await connect(host: "db.test", "verify-full", authority.certificate).hasPrefix("true TLSv1."))
    #expect(try await connect(host: "db.test", "require", nil).hasPrefix("true TLSv1."))
    // Signed by the right authority, and for another host: only verify-full looks.
    #expect(try await connect(host: "other.test", "verify-ca", authority.certificate).hasPrefix("true"))
    let refused: [(host: String, mode: String, authorities: String?, says: String)] = [
      ("other.test", "verify-full", authority.certificate, "does not match host name"),
      ("db.test", "verify-full", stranger.certificate, "certificate verify failed"),
      ("db.test", "verify-full", "/nowhere/ca.crt", "does not exist"),
    ]
    for (host, mode, authorities, says) in refused {
      let error = await #expect(throws: PostgresError.self) { try await connect(host: host, mode, authorities) }
      let text = "\(error as Any) \(String(reflecting: error))"
      #expect(text.contains(says), "\(text)")
      #expect(!text.contains(password))
    }
    await server.shutdown()
  }
}
