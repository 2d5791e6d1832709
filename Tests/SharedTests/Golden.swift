import BatonJSON
import BatonShared
import Testing

/// Holds a message still: this is its text, and reading the text and writing it again changes nothing.
func expectGolden<Message: JSONEncodable & JSONDecodable>(
  _ message: Message, _ json: String, sourceLocation: SourceLocation = #_sourceLocation
) throws {
  // The goldens are broken into lines between fields.
  let golden = json.split(separator: "\n").joined()
  #expect(String(decoding: message.json, as: UTF8.self) == golden, sourceLocation: sourceLocation)
  let read = try Message(json: Array(golden.utf8))
  #expect(String(decoding: read.json, as: UTF8.self) == golden, sourceLocation: sourceLocation)
}

/// Reads a message from a text.
func read<Message: JSONDecodable>(_ type: Message.Type, _ json: String) throws(JSONError) -> Message {
  try Message(json: Array(json.utf8))
}

enum Samples {
  static let jobID = JobID("0197a2b4-c6d8-7eef-8123-456789abcdef")!
  static let leaseID = LeaseID("9b2f1c3d-4e5a-4b6c-8d7e-0f1a2b3c4d5e")!
  static let noon = Instant("2026-01-31T12:00:00.123Z")!
  static let later = Instant("2026-01-31T12:00:01Z")!
}
