import BatonJSON
import BatonShared

/// The body of the worker's `POST /simulate/interruption`: which notice it is to play.
struct SimulatedInterruption: JSONDecodable, Equatable {
  enum Action: String, CaseIterable {
    case terminate, stop, hibernate, rebalance
  }

  var action = Action.terminate
  /// Until the instance would be gone.
  var seconds = 120.0

  init() {}

  init(from reader: inout JSONReader) throws(JSONError) {
    try reader.object { key, reader throws(JSONError) in
      switch key {
      case "action": action = try reader.word()
      case "seconds": seconds = try reader.double(in: 0...86_400)
      default: throw JSONError(expected: "left out: there is no such field")
      }
    }
  }
}
