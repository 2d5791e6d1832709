/// A statement text with the types of its parameters: what a prepared statement is made from.
struct StatementKey: Hashable {
  let sql: String
  let types: [UInt32]
}

/// The prepared statements of one connection.
struct StatementCache {
  /// The server keeps a parse tree and a plan of each for as long as the connection lives.
  static let limit = 256

  private var names: [StatementKey: String] = [:]
  private var counter = 0

  var isFull: Bool { names.count >= Self.limit }

  func name(of key: StatementKey) -> String? { names[key] }

  /// A name that was never used on this connection.
  mutating func newName() -> String {
    counter += 1
    return "s\(counter)"
  }

  mutating func insert(_ key: StatementKey, name: String) { names[key] = name }
  mutating func remove(_ key: StatementKey) { names[key] = nil }
  mutating func removeAll() { names.removeAll() }
}
