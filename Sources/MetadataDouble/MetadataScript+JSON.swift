import BatonJSON

extension MetadataScript.Notice: JSONDecodable {
  /// Reads `{"action":"terminate","after_seconds":0,"seconds":120,"moving":false}`, all optional.
  public init(from reader: inout JSONReader) throws(JSONError) {
    self.init()
    try reader.object { key, reader throws(JSONError) in
      switch key {
      case "action": action = try reader.string()
      case "after_seconds": after = try reader.double(in: 0...31_536_000)
      case "seconds": seconds = try reader.double(in: -31_536_000...31_536_000)
      case "moving": isMoving = try reader.bool()
      default: throw JSONError(expected: "one of 'action', 'after_seconds', 'seconds', 'moving'")
      }
    }
  }
}

extension MetadataScript {
  /// Changes what the object names: the body of `POST /control`.
  /// - Throws: `JSONError` that names the field; then nothing is changed.
  public mutating func apply(json bytes: [UInt8]) throws(JSONError) {
    var changed = self
    var reader = try JSONReader(bytes)
    try reader.object { key, reader throws(JSONError) in
      switch key {
      case "notice": changed.notice = try reader.optional { reader throws(JSONError) in try reader.value() }
      case "maintenance": changed.maintenance = try reader.optional { reader throws(JSONError) in try reader.value() }
      case "rebalance": changed.rebalance = try reader.bool()
      case "lifecycle_state":
        changed.lifecycleState = try reader.optional { reader throws(JSONError) in try reader.string() }
      case "values":
        try reader.object { path, reader throws(JSONError) in
          changed.values[path] = try reader.optional { reader throws(JSONError) in try reader.string() }
        }
      case "versions":
        guard let versions = Versions(rawValue: try reader.string()) else {
          throw JSONError(expected: "one of 'v1', 'v2', 'both'")
        }
        changed.versions = versions
      case "maximum_token_life": changed.maximumTokenLife = try reader.int(in: 1...21_600)
      case "token_delay_seconds": changed.tokenDelay = try reader.double(in: 0...3600)
      case "token_status":
        changed.tokenStatus = try reader.optional { reader throws(JSONError) in try reader.int(in: 200...599) }
      case "failures":
        changed.failures = []
        try reader.array { reader throws(JSONError) in changed.failures.append(try reader.int(in: 400...599)) }
      case "failure_rate": changed.failureRate = try reader.double(in: 0...1)
      case "requests_per_second":
        changed.requestsPerSecond = try reader.optional { reader throws(JSONError) in try reader.int(in: 0...1_000_000)
        }
      default: throw JSONError(expected: "left out: there is no such field")
      }
    }
    try reader.end()
    self = changed
  }
}
