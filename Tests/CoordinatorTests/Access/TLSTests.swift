import BatonClient
import BatonShared
import BatonTLS
import BatonTestSupport
import Foundation
import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle
import Testing

@testable import BatonCoordinator

@Suite(.serialized, .enabled(if: TestAuthority.isAvailable, Comment(rawValue: TestAuthority.missing)))
struct TLSTests {
  @Test func onlyTheRightCertificateIsBelieved() async throws {
    let authority = try await TestAuthority()
    let stranger = try await TestAuthority()
    defer { for each in [authority, stranger] { each.remove() } }
    let certificate = try await authority.issue()
    try await SecureCoordinator.run(certificate) { coordinator in
      // By name and by number.
      for host in ["localhost", "127.0.0.1"] {
        let statistics = try await coordinator.client(host: host, trusting: authority.certificate) {
          try await $0.send(.statistics())
        }
        #expect(statistics.jobs[.queued] == 0)
      }
      // Neither another authority nor those of the system have signed it.
      for authorities in [stranger.certificate, nil] {
        let error = try await #require(throws: ClientError.self) {
          try await coordinator.client(trusting: authorities) { try await $0.send(.statistics()) }
        }
        #expect(error.description.contains("BATON_CA_FILE") && error.wasNotSent, "\(error)")
      }
    }
  }

  @Test func aCertificateForAnotherHostIsRefused() async throws {
    let authority = try await TestAuthority()
    defer { authority.remove() }
    let certificate = try await authority.issue(["DNS:elsewhere.example", "IP:127.0.0.2"])
    try await SecureCoordinator.run(certificate) { coordinator in
      for host in ["localhost", "127.0.0.1"] {
        let error = try await #require(throws: ClientError.self) {
          try await coordinator.client(host: host, trusting: authority.certificate) { try await $0.send(.statistics()) }
        }
        #expect(error.description.contains("another host name"), "\(error)")
      }
    }
  }

  @Test func plainHTTPIsToldWhatIsWrong() async throws {
    let authority = try await TestAuthority()
    defer { authority.remove() }
    try await SecureCoordinator.run(try await authority.issue()) { coordinator in
      let answer = try await API(port: coordinator.port).post("/jobs", #"{"kind":"test"}"#)
      #expect(answer.status == 400)
      #expect(try answer.problem().detail.contains("https://"))
      // And the other way around.
      try await RunningCoordinator.run { plain, _ async throws in
        let error = try await #require(throws: ClientError.self) {
          try await SecureCoordinator(port: plain.api.port, coordinator: coordinator.coordinator).client(
            trusting: authority.certificate
          ) { try await $0.send(.statistics()) }
        }
        #expect(error.description.contains("does not speak TLS"), "\(error)")
      }
    }
  }

  @Test func oldVersionsOfTLSAreRefused() async throws {
    let authority = try await TestAuthority()
    defer { authority.remove() }
    try await SecureCoordinator.run(try await authority.issue()) { coordinator in
      // A hello of TLS 1.1, as its clients say it, is answered with an alert.
      let hello = Self.clientHello(version: 0x02)
      let answer = try await Self.exchange(hello, port: coordinator.port)
      #expect(answer.first == 0x15, "an alert: \(answer)")
      #expect(answer.last == 70, "protocol_version: \(answer)")
      // The same with TLS 1.2 is answered with a handshake.
      #expect(try await Self.exchange(Self.clientHello(version: 0x03), port: coordinator.port).first == 0x16)
    }
  }

  @Test func aNewCertificateIsTakenUpWithoutDroppingAnything() async throws {
    let old = try await TestAuthority()
    let new = try await TestAuthority()
    defer { for each in [old, new] { each.remove() } }
    let certificate = try await old.issue()
    let next = try await new.issue()
    try await SecureCoordinator.run(certificate) { coordinator in
      try await coordinator.client(trusting: old.certificate) { client in
        // Two requests that wait: their connections were made under the old certificate.
        async let poll = client.answer(to: .leases(wait: 30))
        try await eventually("the long poll") {
          let metrics = try await client.answer(to: .metrics())
          return String(decoding: metrics.body, as: UTF8.self).contains("baton_lease_requests_waiting 1")
        }
        // A half-written pair is refused, and the old one stays.
        try Self.put(next.certificate, at: certificate.certificate, permissions: 0o644)
        coordinator.coordinator.reloader.reloadEverything()
        try await coordinator.client(trusting: old.certificate) { _ = try await $0.send(.statistics()) }

        try Self.put(next.key, at: certificate.key, permissions: 0o600)
        coordinator.coordinator.reloader.reloadEverything()
        await #expect(throws: ClientError.self) {
          try await coordinator.client(trusting: old.certificate) { _ = try await $0.send(.statistics()) }
        }
        let job = try await coordinator.client(trusting: new.certificate) { fresh in
          try await fresh.send(.submit(JobSubmission(kind: "test"), idempotencyKey: nil))
        }
        // The one that waited all the time gets the job.
        let leases = try LeaseGrants(json: try await poll.body).leases
        #expect(leases.map(\.jobID) == [job.id])
      }
    }
  }

  @Test func aWaitingClientThatGoesIsNoticedThroughTLS() async throws {
    let authority = try await TestAuthority()
    defer { authority.remove() }
    try await SecureCoordinator.run(try await authority.issue()) { coordinator in
      @Sendable func waiting(_ client: BatonClient, _ count: Int) async throws {
        try await eventually("\(count) long polls") {
          let metrics = try await client.answer(to: .metrics())
          return String(decoding: metrics.body, as: UTF8.self).contains("baton_lease_requests_waiting \(count)\n")
        }
      }
      try await coordinator.client(trusting: authority.certificate) { observer in
        try await coordinator.client(trusting: authority.certificate) { client in
          try await withThrowingTaskGroup { group in
            group.addTask { _ = try await client.answer(to: .leases(wait: 60)) }
            try await waiting(observer, 1)
            group.cancelAll()
          }
        }
        try await waiting(observer, 0)
      }
    }
  }

  @Test func whatCannotServeIsRefusedAtTheStart() async throws {
    let authority = try await TestAuthority()
    defer { authority.remove() }
    let one = try await authority.issue()
    let other = try await authority.issue()
    func message(_ certificate: String, _ key: String) -> String {
      do {
        _ = try TLSIdentity(certificatePath: certificate, keyPath: key)
        return "accepted"
      } catch { return "\(error)" }
    }
    #expect(message(one.certificate, one.key) == "accepted")
    #expect(message(one.certificate, other.key).contains("is not the key"))
    #expect(message(one.key, one.key).contains("TLS_CERTIFICATE_FILE"))
    #expect(message(one.certificate, one.certificate).contains("TLS_KEY_FILE"))
    #expect(message(one.certificate + "x", one.key).contains("cannot read"))
    try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: one.key)
    #expect(message(one.certificate, one.key).contains("chmod"))
    #expect(throws: AuthoritiesFileError.self) { try TrustedAuthorities(file: one.key) }
    #expect(throws: AuthoritiesFileError.self) { try TrustedAuthorities(file: "/nowhere") }
  }

  // MARK: Helpers

  private static func put(_ source: String, at path: String, permissions: Int) throws {
    try Data(contentsOf: URL(filePath: source)).write(to: URL(filePath: path), options: .atomic)
    try FileManager.default.setAttributes([.posixPermissions: permissions], ofItemAtPath: path)
  }

  /// The first message of a TLS client whose newest version is 3.`version`, with the suite that every server knows.
  private static func clientHello(version: UInt8) -> [UInt8] {
    let curves: [UInt8] = [0x00, 0x0A, 0x00, 0x04, 0x00, 0x02, 0x00, 0x17]
    let algorithms: [UInt8] = [0x00, 0x0D, 0x00, 0x04, 0x00, 0x02, 0x04, 0x03]
    let extensions = curves + algorithms
    let body =
      [0x03, version] + [UInt8](repeating: 7, count: 32) + [0, 0, 4, 0xC0, 0x2B, 0xC0, 0x09, 1, 0]
      + [0, UInt8(extensions.count)] + extensions
    let handshake = [1, 0, 0, UInt8(body.count)] + body
    return [0x16, 0x03, 0x01, 0, UInt8(handshake.count)] + handshake
  }

  private static func exchange(_ bytes: [UInt8], port: Int) async throws -> [UInt8] {
    let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .connect(host: "127.0.0.1", port: port) { channel in
        channel.eventLoop.makeCompletedFuture {
          try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
        }
      }
    return try await channel.executeThenClose { inbound, outbound in
      try await outbound.write(ByteBuffer(bytes: bytes))
      for try await answer in inbound { return Array(answer.readableBytesView) }
      return []
    }
  }
}

/// A coordinator that serves TLS within this process.
private struct SecureCoordinator: Sendable {
  let port: Int
  let coordinator: Coordinator

  static func run(
    _ certificate: TestAuthority.Issued, _ body: @Sendable @escaping (SecureCoordinator) async throws -> Void
  ) async throws {
    let database = try await TestDatabase.make()
    let configuration = CoordinatorConfiguration.testing { configuration in
      configuration.databaseURL = database.url
      configuration.databaseConnections = 3
      configuration.tlsCertificateFile = certificate.certificate
      configuration.tlsKeyFile = certificate.key
    }
    let coordinator = try Coordinator(configuration: configuration, logger: .quiet) {}
    let (ports, continuation) = AsyncStream.makeStream(of: Int.self)
    try await withServices([Serving(coordinator: coordinator, ports: continuation)]) { _ in
      for await port in ports {
        let secure = SecureCoordinator(port: port, coordinator: coordinator)
        try await eventually("the schema") { coordinator.isReady }
        return try await body(secure)
      }
      throw Unexpected("the coordinator does not listen")
    }
  }

  private struct Serving: Service {
    let coordinator: Coordinator
    let ports: AsyncStream<Int>.Continuation

    func run() async throws {
      defer { ports.finish() }
      try await coordinator.run { [ports] in ports.yield($0) }
    }
  }

  func client<Result: Sendable>(
    host: String = "localhost", trusting authorities: String?,
    _ body: @Sendable @escaping (BatonClient) async throws -> Result
  ) async throws -> Result {
    try await BatonClient.with(
      BatonClient.Configuration(
        address: "https://\(host):\(port)", authoritiesFile: authorities, timeout: .seconds(60)),
      body)
  }
}

extension APIRequest where Answer == [UInt8] {
  fileprivate static func metrics() -> Self { APIRequest(.get, "/metrics") { $0.body } }

  fileprivate static func leases(wait: Int) -> Self {
    APIRequest(
      .post, "/leases", body: Array(#"{"worker_id":"w-1","queues":["default"],"wait_seconds":\#(wait)}"#.utf8)
    ) { $0.body }
  }
}
