/// What Prometheus, and the linter `promtool check metrics`, accept as names and values.
enum MetricName {
  /// A name in snake case of letters, digits and underscores: `jobs.leaseWait` becomes `jobs_lease_wait`.
  ///
  /// The colon is legal in the format but reserved for recording rules, so it is replaced as well.
  static func normalized(_ name: String) -> String {
    var bytes: [UInt8] = []
    var afterLowercase = false
    for byte in name.utf8 {
      switch byte {
      case UInt8(ascii: "A")...UInt8(ascii: "Z"):
        if afterLowercase { bytes.append(UInt8(ascii: "_")) }
        bytes.append(byte | 0x20)
        afterLowercase = false
      case UInt8(ascii: "a")...UInt8(ascii: "z"):
        bytes.append(byte)
        afterLowercase = true
      case UInt8(ascii: "0")...UInt8(ascii: "9"):
        bytes.append(byte)
        afterLowercase = false
      default:
        bytes.append(UInt8(ascii: "_"))
        afterLowercase = false
      }
    }
    if bytes.first.map({ $0 <= UInt8(ascii: "9") }) ?? true { bytes.insert(UInt8(ascii: "_"), at: 0) }
    return String(decoding: bytes, as: UTF8.self)
  }

  static func normalized(_ name: String, suffix: String) -> String {
    let base = normalized(name)
    return base.hasSuffix(suffix) ? base : base + suffix
  }

  /// The labels as they stand between the braces, sorted by name; of two with one name the later wins.
  ///
  /// The same labels in any order give the same text, which is what identifies a series within its family.
  static func labels(_ dimensions: [(String, String)]) -> String {
    if dimensions.isEmpty { return "" }
    var values: [String: String] = [:]
    for (name, value) in dimensions { values[labelName(name)] = value }
    return values.sorted { $0.key < $1.key }
      .map { "\($0.key)=\"\(escaped($0.value, quotes: true))\"" }
      .joined(separator: ",")
  }

  private static func labelName(_ name: String) -> String {
    var name = normalized(name)
    // Two leading underscores and the two names of bounds belong to Prometheus itself.
    while name.hasPrefix("__") { name.removeFirst() }
    return name == "le" || name == "quantile" ? name + "_" : name
  }

  /// A label value or, without `quotes`, a help text with what the format gives a meaning to escaped.
  static func escaped(_ text: String, quotes: Bool) -> String {
    var result = ""
    result.reserveCapacity(text.utf8.count)
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\"" where quotes: result += "\\\""
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  static func number(_ value: Double) -> String {
    if value.isNaN { return "NaN" }
    if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
    // Every whole number up to here is exact as a double; beyond, the exponent is the honest form.
    if value.magnitude < 9_007_199_254_740_992, value == value.rounded() { return String(Int64(value)) }
    return "\(value)"
  }
}
