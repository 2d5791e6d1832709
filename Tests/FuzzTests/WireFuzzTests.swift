import BatonTestSupport
import Testing

@testable import BatonBench

/// What a coordinator that `baton bench --url` measures answers: it may be anything that listens there.
@Suite struct WireFuzzTests {
  @Test(arguments: seeds) func answers(seed: UInt64) async {
    let good = [
      "HTTP/1.1 201 Created\r\nContent-Type: application/json\r\ncontent-LENGTH: 4\r\nDate: x\r\n\r\n{}{}",
      "HTTP/1.1 204 No Content\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    ]
    var count = 0
    await damaged(good, seed: seed) { bytes in
      guard case .reply(let status, let body) = bytes.withUnsafeBytes(WireReplyParser.parse) else { return }
      count += 1
      #expect((0...999).contains(status) && body.upperBound <= bytes.count && bytes.starts(with: "HTTP/1.".utf8))
      #expect(body.lowerBound >= 16 && bytes[..<body.lowerBound].suffix(4).elementsEqual("\r\n\r\n".utf8))
      // What follows it is another's.
      let more = (bytes[..<body.upperBound] + Array("HTTP/1.1 500 x\r\n\r\n".utf8)).withUnsafeBytes(
        WireReplyParser.parse)
      #expect(more == .reply(status: status, body: body))
    }
    #expect(count > 50)
  }
}
