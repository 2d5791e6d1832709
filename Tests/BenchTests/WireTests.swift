import NIOCore
import Testing

@testable import BatonBench

@Suite struct WireTests {
  private func parse(_ text: String) -> WireReplyParser.Outcome {
    Array(text.utf8).withUnsafeBytes(WireReplyParser.parse)
  }

  @Test func anAnswerIsCutOutWhereItsBodyEnds() throws {
    let head = "HTTP/1.1 201 Created\r\nContent-Type: application/json\r\ncontent-LENGTH: 4\r\nDate: x\r\n\r\n"
    #expect(parse(head + "{}{}") == .reply(status: 201, body: head.utf8.count..<head.utf8.count + 4))
    #expect(parse(head + "{}{") == .incomplete)
    #expect(parse("HTTP/1.1 204 No Content\r\n\r\n") == .reply(status: 204, body: 27..<27))
  }

  @Test func noBeginningOfAnAnswerIsTakenForAWhole() {
    let text = "HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n{\"leases\":1}"
    let bytes = Array(text.utf8)
    for count in bytes.indices {
      #expect(bytes[..<count].withUnsafeBytes(WireReplyParser.parse) == .incomplete)
    }
    #expect(parse(text) == .reply(status: 200, body: 39..<bytes.count))
  }

  @Test func theEndOfTheHeadIsFoundWhereverItLies() {
    for padding in 0..<9 {
      let head = "HTTP/1.1 200 OK\r\nX-Padding: \(String(repeating: "a", count: padding))\r\nContent-Length: 0\r\n\r\n"
      #expect(parse(head) == .reply(status: 200, body: head.utf8.count..<head.utf8.count))
    }
  }

  @Test(arguments: [
    "SMTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    "HTTP/1.1 200 OK\r\nA: b\r\n\r\n",
    "HTTP/1.1 2x0 OK\r\nContent-Length: 0\r\n\r\n",
  ])
  func whatCannotBeReadIsNotGuessed(_ text: String) {
    guard case .unreadable = parse(text) else {
      Issue.record("\(text) was read")
      return
    }
  }

  @Test func aRequestNamesItsLengthAndItsToken() throws {
    let target = try WireTarget(address: "http://localhost:8080/", token: "secret")
    let text = String(buffer: target.request("POST", "/jobs", body: Array("{}".utf8)))
    #expect(text.hasPrefix("POST /jobs HTTP/1.1\r\nHost: localhost:8080\r\nAuthorization: Bearer secret\r\n"))
    #expect(text.hasSuffix("Content-Length: 2\r\n\r\n{}"))
  }

  @Test(arguments: [
    "https://x:1", "localhost:8080", "http://", "http://a:b", "http://a:70000", "http://a/path", "http://u@h",
  ])
  func anAddressThatItCannotSpeakToIsRefused(_ address: String) {
    #expect(throws: BenchError.self) { try WireTarget(address: address) }
  }

  @Test func addressesOfAllFormsAreRead() throws {
    #expect(try WireTarget(address: "http://example.org").port == 80)
    let six = try WireTarget(address: "http://[::1]:9000")
    #expect(six.host == "::1")
    #expect(six.port == 9000)
    #expect(try WireTarget(address: "http://[::1]").host == "::1")
  }
}
