import BatonShared
import BatonTestSupport
import Testing

@testable import BatonCoordinator

/// What no HTTP library would send.
@Suite(.serialized) struct MalformedBytesTests {
  @Test func whatIsNoHTTPIsToldSo() async throws {
    try await RunningCoordinator.run { coordinator, _ async throws in
      for bytes in [
        "\r\n\r\n\u{1}\u{2}\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "hello there\r\n\r\n",
        "GET /health HTTP/1.1\r\nno colon\r\n\r\n", "GET /health HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        "POST /jobs HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "POST /jobs HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n",
      ] {
        let client = try await RawClient(port: coordinator.api.port)
        try await client.send(bytes)
        let answer = try await client.answer()
        #expect(answer.hasPrefix("HTTP/1.1 400 "), "\(bytes.debugDescription): \(answer)")
        #expect(answer.contains("invalid_request"), "\(bytes.debugDescription): \(answer)")
        try await client.expectDescribed()
      }
      #expect(try await coordinator.api.get("/health").status == 200)
    }
  }

  @Test func headersAndURLsHaveTheirOwnLimits() async throws {
    let configuration = CoordinatorConfiguration.testing { configuration in
      configuration.limits.maxHeaderBytes = 4096
      configuration.limits.maxURLBytes = 1024
    }
    try await RunningCoordinator.run(configuration: configuration) { coordinator, _ async throws in
      let api = coordinator.api
      func long(_ count: Int) -> String { String(repeating: "x", count: count) }
      // A little too much, which is read whole, and far too much, which is not.
      for count in [1100, 3000, 20_000, 200_000] {
        let client = try await RawClient(port: api.port)
        try await client.send("GET /health?\(long(count)) HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        let answer = try await client.answer()
        #expect(answer.hasPrefix("HTTP/1.1 414 ") && answer.contains("at most 1024 bytes"), "\(count): \(answer)")
        try await client.expectDescribed()
        await client.close()
      }
      for count in [4200, 20_000, 200_000] {
        let client = try await RawClient(port: api.port)
        try await client.send("GET /health HTTP/1.1\r\nHost: a\r\nX-Long: \(long(count))\r\nConnection: close\r\n\r\n")
        let answer = try await client.answer()
        #expect(answer.hasPrefix("HTTP/1.1 431 ") && answer.contains("at most 4096 bytes"), "\(count): \(answer)")
        try await client.expectDescribed()
        await client.close()
      }
      // Few bytes, and too many fields; lines of a body are none.
      for (fields, body, named) in [
        (300, "", "at most 256 header fields"), (256, "", "at most 256 header fields"), (255, "", nil),
        (200, String(repeating: "\n", count: 300), "at most 4096 bytes"),
      ] {
        let long = body.isEmpty ? "" : "X-Long: \(long(5000))\r\n"
        let many = (0..<fields).map { "X-\($0): y\r\n" }.joined()
        let client = try await RawClient(port: api.port)
        try await client.send("\r\nGET /health HTTP/1.1\r\nHost: a\r\n\(long)\(many)\r\n\(body)")
        let answer = try await client.answer()
        #expect(answer.hasPrefix(named == nil ? "HTTP/1.1 200 " : "HTTP/1.1 431 "), "\(fields): \(answer)")
        if let named { #expect(answer.contains(named), "\(fields): \(answer)") }
        try await client.expectDescribed()
        await client.close()
      }
      #expect(try await api.send("GET", "/health", headers: ["X-Fits": long(3000)]).status == 200)
    }
  }

  @Test func halfABodyIsNoBody() async throws {
    try await RunningCoordinator.run { coordinator, _ async throws in
      let api = coordinator.api
      try await api.submit()
      let lease = try #require(try await api.lease().first).leaseID
      #expect(try await api.send("PUT", "/leases/\(lease)/checkpoint", [1, 2, 3]).status == 200)
      for body in [
        "Content-Length: 1000\r\n\r\nhalf", "Transfer-Encoding: chunked\r\n\r\n400\r\nhalf",
        "Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n", "Transfer-Encoding: chunked\r\n\r\nnonsense\r\n",
      ] {
        let client = try await RawClient(port: api.port)
        try await client.send("PUT /leases/\(lease)/checkpoint HTTP/1.1\r\nHost: a\r\n\(body)")
        try await client.endSending()
        let answer = try await client.untilHungUp()
        #expect(answer.isEmpty || answer.hasPrefix("HTTP/1.1 400 "), "\(body.debugDescription): \(answer)")
      }
      let kept = try await api.get("/leases/\(lease)/checkpoint")
      #expect(kept.bytes == [1, 2, 3] && kept.headers.first(name: "baton-checkpoint-sequence") == "1")
    }
  }
}
