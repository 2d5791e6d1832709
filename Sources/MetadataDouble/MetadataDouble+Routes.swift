import BatonJSON
import Hummingbird
import NIOCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension MetadataDouble {
  func router() -> Router<BasicRequestContext> {
    let router = Router(context: BasicRequestContext.self)
    router.post("control") { [self] request, _ in try await control(request) }
    router.get("control") { [self] _, _ in Self.answer(.ok, summary, type: "application/json") }
    router.put("latest/api/token") { [self] request, _ in try await token(request) }
    router.get("latest/meta-data/**") { [self] request, context in
      ec2(request, context.parameters.getCatchAll().joined(separator: "/"))
    }
    router.get("computeMetadata/v1/**") { [self] request, context in
      try await gcp(request, context.parameters.getCatchAll().joined(separator: "/"))
    }
    router.get("metadata/:document") { [self] request, context in
      azure(request, try context.parameters.require("document"))
    }
    return router
  }

  // MARK: Control

  private func control(_ request: Request) async throws -> Response {
    let buffer = try await request.body.collect(upTo: 256 * 1024)
    do {
      try update { state in try state.script.apply(json: Array(buffer.readableBytesView)) }
    } catch let error as JSONError {
      return Self.answer(.badRequest, "\(error)\n")
    }
    return Self.answer(.ok, summary, type: "application/json")
  }

  private var summary: String {
    let state = state
    let notice = state.notice(at: Date())
    var writer = JSONWriter()
    writer.object { writer in
      writer.field("provider", state.script.provider.rawValue)
      writer.field("notice", notice?.action)
      writer.field("notice_time", notice.map { Self.rfc3339($0.time) })
      writer.field("token_requests", state.tokenRequests)
      writer.field("reads", state.reads.count)
    }
    return String(decoding: writer.bytes, as: UTF8.self) + "\n"
  }

  // MARK: EC2

  private func token(_ request: Request) async throws -> Response {
    let forwarded = request.headers[.init("X-Forwarded-For")!]
    let (delay, status, versions) = touch { state in
      state.tokenRequests += 1
      return (state.script.tokenDelay, state.script.tokenStatus, state.script.versions)
    }
    if delay > 0 { try await Task.sleep(for: .seconds(delay)) }
    if let status { return Self.answer(.init(code: status), "") }
    guard versions != .v1 else { return Self.answer(.notFound, "") }
    guard forwarded == nil else { return Self.answer(.forbidden, "") }
    guard let life = request.headers[.init("X-aws-ec2-metadata-token-ttl-seconds")!].flatMap({ Int($0) }),
      (1...21_600).contains(life)
    else { return Self.answer(.badRequest, "") }
    return Self.answer(.ok, touch { $0.issueToken(life: life, at: Date()) })
  }

  private func ec2(_ request: Request, _ path: String) -> Response {
    let token = request.headers[.init("X-aws-ec2-metadata-token")!]
    let forwarded = request.headers[.init("X-Forwarded-For")!]
    let now = Date()
    return touch { state in
      state.record(.init(method: "GET", path: path, token: token, forwardedFor: forwarded))
      if let status = state.refusal(at: now) { return Self.answer(.init(code: status), "") }
      switch (token, state.script.versions) {
      case (_, .v1), (nil, .both): break
      case (nil, .v2): return Self.answer(.unauthorized, "")
      case (let token?, _):
        guard let end = state.tokens[token], end > now else { return Self.answer(.unauthorized, "") }
      }
      guard let text = state.ec2Text(path, at: now) else { return Self.answer(.notFound, "") }
      return Self.answer(.ok, text)
    }
  }

  // MARK: Google Cloud

  private func gcp(_ request: Request, _ path: String) async throws -> Response {
    let headers: HTTPFields = [.init("Metadata-Flavor")!: "Google"]
    guard request.headers[.init("Metadata-Flavor")!] == "Google" else { return Self.answer(.forbidden, "") }
    let refusal = touch { state in
      state.record(.init(method: "GET", path: path, token: nil, forwardedFor: nil))
      return state.refusal(at: Date())
    }
    if let refusal { return Self.answer(.init(code: refusal), "", headers) }
    var seen = state
    if request.uri.queryParameters["wait_for_change"] == "true" {
      let last = request.uri.queryParameters["last_etag"].map(String.init)
      let end = Date() + (request.uri.queryParameters["timeout_sec"].flatMap { Double($0) } ?? 3600)
      let before = Self.etag(seen.gcpText(path, at: Date()))
      while Self.etag(seen.gcpText(path, at: Date())) == last ?? before, Date() < end {
        // A notice that is still to come is a change, too.
        let due = seen.noticeFrom.map { $0.timeIntervalSinceNow }.flatMap { $0 > 0 ? $0 + 0.001 : nil }
        await waitForChange(after: seen.version, seconds: min(end.timeIntervalSinceNow, due ?? .infinity))
        try Task.checkCancellation()
        seen = state
      }
    }
    guard let text = seen.gcpText(path, at: Date()) else { return Self.answer(.notFound, "", headers) }
    var answered = headers
    answered[.init("ETag")!] = Self.etag(text)
    return Self.answer(.ok, text, answered)
  }

  /// Equal for equal texts (FNV-1a).
  private static func etag(_ text: String?) -> String {
    let hash = (text ?? "").utf8.reduce(UInt64(0xcbf2_9ce4_8422_2325)) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    return String(hash, radix: 16)
  }

  // MARK: Azure

  private func azure(_ request: Request, _ document: String) -> Response {
    guard request.headers[.init("Metadata")!] == "true", request.headers[.init("X-Forwarded-For")!] == nil,
      request.uri.queryParameters["api-version"] != nil
    else { return Self.answer(.badRequest, "") }
    let now = Date()
    return touch { state in
      state.record(.init(method: "GET", path: document, token: nil, forwardedFor: nil))
      if let status = state.refusal(at: now) { return Self.answer(.init(code: status), "") }
      guard let text = state.azureText(document, at: now) else { return Self.answer(.notFound, "") }
      return Self.answer(.ok, text, type: "application/json; charset=utf-8")
    }
  }

  // MARK: Answers

  private static func answer(
    _ status: HTTPResponse.Status, _ text: String, _ headers: HTTPFields = [:], type: String = "text/plain"
  ) -> Response {
    var headers = headers
    headers[.contentType] = type
    return Response(status: status, headers: headers, body: .init(byteBuffer: ByteBuffer(string: text)))
  }
}
