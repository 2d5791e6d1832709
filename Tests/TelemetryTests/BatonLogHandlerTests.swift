import BatonTelemetry
import Foundation
import Logging
import Testing

@Suite struct BatonLogHandlerTests {
  private struct Failure: Error, CustomStringConvertible {
    let description = "it broke\nbadly"
  }

  @Test func aTextLineHasTimeLevelLabelMessageAndSortedMetadata() throws {
    let output = try LineSocket()
    var logger = logger(output, .text)
    logger[metadataKey: "worker"] = "w-1"
    logger[metadataKey: "attempt"] = "1"
    logger.info("leased", metadata: ["attempt": "2", "took": "1 s", "empty": "", "slots": ["a", "b"]])
    #expect(
      try output.next() == "2026-01-01T12:00:00.123Z info  [test] leased "
        + #"attempt=2 empty="" slots="[\"a\", \"b\"]" took="1 s" worker=w-1"# + "\n")
    logger.warning("x")
    #expect(try output.next() == "2026-01-01T12:00:00.123Z warning [test] x attempt=1 worker=w-1\n")
  }

  @Test func aTextLineStaysOneLineWhateverIsInIt() throws {
    let output = try LineSocket()
    let logger = logger(output, .text)
    logger.error("one\ntwo\r\u{1b}[31m", metadata: ["k\n": "a\n\"b\"\\=\u{85}"])
    #expect(
      try output.next() == #"2026-01-01T12:00:00.123Z error [test] one\ntwo\r\u{1b}[31m k\n="a\n\"b\"\\=\u{85}""#
        + "\n")
  }

  @Test func aJSONLineIsOneObjectWithItsMembersInOrder() throws {
    let output = try LineSocket()
    let logger = logger(output, .json)
    logger.notice(
      "said \"hi\"\\\n\u{1}",
      metadata: [
        "job": "j", "count": .stringConvertible(3), "ratio": .stringConvertible(0.5),
        "ok": .stringConvertible(true), "nan": .stringConvertible(Double.nan), "message": "mine",
        "nested": ["b": [.stringConvertible(1), "two"], "a\t": "\u{2028}"],
      ])
    let line = try output.next()
    #expect(
      line == #"{"time":"2026-01-01T12:00:00.123Z","level":"notice","label":"test","message":"said \"hi\"\\\n\u0001","#
        + #""count":3,"job":"j","message_":"mine","nan":"nan","nested":{"a\t":"\u2028","b":[1,"two"]},"#
        + #""ok":true,"ratio":0.5}"# + "\n")
    let object = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
    #expect(object["message"] as? String == "said \"hi\"\\\n\u{1}")
  }

  @Test(arguments: LogFormat.allCases) func everyControlCharacterSurvivesAsOneLine(format: LogFormat) throws {
    let output = try LineSocket()
    let all = String(String.UnicodeScalarView((0...0x2100).compactMap(Unicode.Scalar.init)))
    logger(output, format).info("\(all)", metadata: ["all": "\(all)"])
    let line = try output.next()
    #expect(line.unicodeScalars.filter { $0.value < 0x20 }.map(\.value) == [0x0a])
    if format == .json {
      let object = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
      #expect(object["all"] as? String == all)
    }
  }

  @Test func anEventsErrorIsWrittenAsMetadata() throws {
    let output = try LineSocket()
    var event = LogEvent(
      level: .error, message: "m", metadata: nil, source: nil, file: #fileID, function: #function, line: #line)
    event.error = Failure()
    handler(output, .text).log(event: event)
    #expect(try output.next().hasSuffix(#" m error="it broke\nbadly""# + "\n"))
  }

  @Test func whatTheProviderSaysYieldsToTheEvent() throws {
    let output = try LineSocket()
    var handler = handler(output, .text)
    handler.metadataProvider = Logger.MetadataProvider { ["a": "provided", "b": "provided"] }
    handler[metadataKey: "a"] = "own"
    Logger(label: "test") { _ in handler }.info("m", metadata: ["c": "event"])
    #expect(try output.next().hasSuffix(" m a=own b=provided c=event\n"))
  }

  @Test(arguments: [
    (1_767_268_800.9996, "2026-01-01T12:00:01.000Z"), (1_767_268_800, "2026-01-01T12:00:00.000Z"),
    (951_782_399.999, "2000-02-28T23:59:59.999Z"),
  ])
  func timesAreUTCWithMilliseconds(seconds: Double, expected: String) throws {
    let output = try LineSocket()
    let handler = BatonLogHandler(
      label: "test", level: .info, format: .text, descriptor: output.descriptor,
      now: { Date(timeIntervalSince1970: seconds) })
    Logger(label: "test") { _ in handler }.info("m")
    #expect(try output.next().hasPrefix(expected + " "))
  }

  @Test func theLevelSaysWhatIsWritten() {
    let logger = BatonLogging.logger(label: "coordinator", level: .warning, format: .json)
    #expect(logger.logLevel == .warning)
    #expect(logger.label == "coordinator")
  }

  @Test func aClosedOutputIsNoReasonToFail() {
    let handler = BatonLogHandler(label: "test", level: .info, format: .text, descriptor: -1)
    Logger(label: "test") { _ in handler }.info("nobody hears this")
  }

  private func handler(_ output: LineSocket, _ format: LogFormat) -> BatonLogHandler {
    BatonLogHandler(
      label: "test", level: .trace, format: format, descriptor: output.descriptor,
      now: { Date(timeIntervalSince1970: 1_767_268_800.123) })
  }

  private func logger(_ output: LineSocket, _ format: LogFormat) -> Logger {
    Logger(label: "test") { _ in handler(output, format) }
  }
}
