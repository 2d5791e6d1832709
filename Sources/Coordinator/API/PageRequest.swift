import BatonShared

/// Which page of a list is asked for, where nothing else can be asked.
struct PageRequest: Sendable {
  /// The most entries of a page, and how many there are if nobody says: most fleets are on one.
  static let maximumLimit = 1000

  var limit = maximumLimit
  private var cursor: String?

  /// Reads the parameters `limit` and `cursor`.
  /// - Throws: `Problem` that names the parameter.
  init(query: QueryString) throws(Problem) {
    for (name, text) in query.parameters {
      switch name {
      case "limit": limit = try Self.limit(text)
      case "cursor": cursor = text
      default: throw Problem.unknownParameter(name)
      }
    }
  }

  /// Where the page begins; nil for the first.
  /// - Throws: `Problem` when `read` makes nothing of the cursor.
  func cursor<Place>(_ read: (String) -> Place?) throws(Problem) -> Place? {
    guard let cursor else { return nil }
    guard let place = read(cursor) else { throw Self.noCursor }
    return place
  }

  static func limit(_ text: String) throws(Problem) -> Int {
    guard let limit = DecimalDigits.value(text), (1...maximumLimit).contains(limit) else {
      throw Problem(.invalidRequest, "'limit' must be an integer from 1 to \(maximumLimit)")
    }
    return limit
  }

  static let noCursor = Problem(.invalidRequest, "'cursor' must be the 'next_cursor' of an earlier answer")
}
