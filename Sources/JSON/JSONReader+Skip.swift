extension JSONReader {
  /// Passes over one value, checking all of its grammar without recursion.
  /// - Returns: the index just behind the value, before any white space.
  mutating func passOver() throws(JSONError) -> Int {
    /// The closing brackets that are still to come.
    var open: [UInt8] = []
    while true {
      var opened = false
      switch peek() {
      case UInt8(ascii: "{"):
        opened = try enter(closing: UInt8(ascii: "}"), &open)
      case UInt8(ascii: "["):
        opened = try enter(closing: UInt8(ascii: "]"), &open)
      case UInt8(ascii: "\""):
        _ = try passOverString()
      case UInt8(ascii: "t"):
        guard literal("true") else { throw syntax("a value") }
      case UInt8(ascii: "f"):
        guard literal("false") else { throw syntax("a value") }
      case UInt8(ascii: "n"):
        guard literal("null") else { throw syntax("a value") }
      case .some(let byte) where byte == UInt8(ascii: "-") || isDigit(byte):
        try passOverNumber()
      default:
        throw syntax("a value")
      }
      if !opened {
        if let end = try closeOrContinue(&open) { return end }
      }
      if open.last == UInt8(ascii: "}") { try passOverKey() }
    }
  }

  /// Steps into an object or array; false when it is empty and so already passed.
  private mutating func enter(closing: UInt8, _ open: inout [UInt8]) throws(JSONError) -> Bool {
    guard open.count < Self.maximumDepth else {
      throw JSONError(expected: "nested at most \(Self.maximumDepth) levels deep")
    }
    index += 1
    skipWhitespace()
    if peek() == closing {
      index += 1
      return false
    }
    open.append(closing)
    return true
  }

  /// After a value: closes what ends here. Returns the end when the outermost value has ended.
  private mutating func closeOrContinue(_ open: inout [UInt8]) throws(JSONError) -> Int? {
    while true {
      let end = index
      skipWhitespace()
      guard let closing = open.last else { return end }
      if peek() == UInt8(ascii: ",") {
        index += 1
        skipWhitespace()
        return nil
      }
      guard peek() == closing else { throw syntax("a comma or the closing bracket") }
      index += 1
      open.removeLast()
    }
  }

  private mutating func passOverKey() throws(JSONError) {
    guard peek() == UInt8(ascii: "\"") else { throw syntax("a field name in double quotes") }
    _ = try passOverString()
    skipWhitespace()
    guard peek() == UInt8(ascii: ":") else { throw syntax("a colon after a field name") }
    index += 1
    skipWhitespace()
  }

  mutating func passOverNumber() throws(JSONError) {
    if peek() == UInt8(ascii: "-") { index += 1 }
    if peek() == UInt8(ascii: "0") {
      index += 1
    } else {
      try digits()
    }
    if peek() == UInt8(ascii: ".") {
      index += 1
      try digits()
    }
    if peek() == UInt8(ascii: "e") || peek() == UInt8(ascii: "E") {
      index += 1
      if peek() == UInt8(ascii: "+") || peek() == UInt8(ascii: "-") { index += 1 }
      try digits()
    }
  }

  private mutating func digits() throws(JSONError) {
    guard let first = peek(), isDigit(first) else { throw syntax("a digit") }
    while let next = peek(), isDigit(next) { index += 1 }
  }
}
