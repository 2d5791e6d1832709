import BatonJSON

/// The body of `POST /jobs/{id}/retry`.
struct RetryOptions: JSONDecodable {
  var discardCheckpoint = false

  init() {}

  init(from reader: inout JSONReader) throws(JSONError) {
    try reader.object { key, reader throws(JSONError) in
      guard key == "discard_checkpoint" else { throw JSONError(expected: "left out: there is no such field") }
      discardCheckpoint = try reader.bool()
    }
  }
}
