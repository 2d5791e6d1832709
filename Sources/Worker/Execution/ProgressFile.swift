import BatonJSON

/// Reads what a program writes into its progress file: `0.42`, or `{"fraction":0.42,"message":"epoch 3"}`.
enum ProgressFile {
  /// The most that makes sense, in bytes.
  static let limit = 64 * 1024

  /// Nil for anything else, such as half a line: the next look will find a whole one.
  static func parse(_ bytes: [UInt8]) -> (fraction: Double?, message: String?)? {
    guard !bytes.isEmpty, bytes.count <= limit, var reader = try? JSONReader(bytes) else { return nil }
    do {
      if let fraction = try? reader.double() {
        try reader.end()
        return (fraction, nil)
      }
      var fraction: Double?
      var message: String?
      try reader.object { key, reader throws(JSONError) in
        switch key {
        case "fraction": if !reader.null() { fraction = try reader.double() }
        case "message": if !reader.null() { message = try reader.string() }
        default: try reader.skip()
        }
      }
      try reader.end()
      return (fraction, message)
    } catch {
      return nil
    }
  }
}
