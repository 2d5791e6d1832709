import Hummingbird
import Logging
import NIOCore
import Synchronization

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The instance metadata service of a spot instance, with tokens, and a notice when a test wants one.
final class IMDSDouble: Sendable {
  private static let token = "AQAEAFakeTokenForTheseTests=="
  let address: String
  private let notice = Mutex<String?>(nil)
  private let port: Int

  private init(port: Int) {
    self.port = port
    address = "http://127.0.0.1:\(port)"
  }

  /// Runs it as long as `body` runs.
  static func run(_ body: @escaping @Sendable (IMDSDouble) async throws -> Void) async throws {
    let double = IMDSDouble(port: FreePorts.next())
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await double.serve() }
      group.addTask { try await body(double) }
      // The server ends by itself only when it cannot listen.
      try await group.next()
      group.cancelAll()
    }
  }

  /// From now on the notice is there.
  func announce(action: String, secondsFromNow seconds: Double) {
    let time = (Date() + seconds).formatted(.iso8601)
    notice.withLock { $0 = #"{"action":"\#(action)","time":"\#(time)"}"# }
  }

  private func serve() async throws {
    let router = Router()
    router.put("latest/api/token") { _, _ in Self.token }
    router.get("latest/meta-data/**") { [self] request, context -> Response in
      guard request.headers[.init("X-aws-ec2-metadata-token")!] == Self.token else {
        return Response(status: .unauthorized)
      }
      let text: String? =
        switch context.parameters.getCatchAll().joined(separator: "/") {
        case "spot/instance-action": notice.withLock { $0 }
        case "instance-life-cycle": "spot"
        case "instance-id": "i-0123456789abcdef0"
        case "instance-type": "m7g.large"
        case "placement/availability-zone": "eu-central-1b"
        default: nil
        }
      guard let text else { return Response(status: .notFound) }
      return Response(status: .ok, body: .init(byteBuffer: ByteBuffer(string: text)))
    }
    var logger = Logger(label: "imds")
    logger.logLevel = .critical
    let application = Application(
      router: router, configuration: .init(address: .hostname("127.0.0.1", port: port)), logger: logger)
    try await application.run()
  }
}
