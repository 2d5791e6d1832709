/// The rows that a statement returned, copied out of the client library: it can be kept and passed between tasks.
public struct PostgresRows: RandomAccessCollection, Sendable {
  let storage: ResultStorage

  /// How many rows the statement inserted, updated, deleted or returned.
  public var affected: Int { storage.affected }

  /// The names of the columns, in order.
  public var columns: [String] { storage.columns.map(\.name) }

  public var startIndex: Int { 0 }
  public var endIndex: Int { storage.rowCount }

  public subscript(position: Int) -> PostgresRow {
    precondition(position >= 0 && position < storage.rowCount, "row \(position) of \(storage.rowCount)")
    return PostgresRow(storage: storage, row: position)
  }
}

/// One result, immutable: all values in one buffer, and where each lies.
final class ResultStorage: Sendable {
  struct Column: Sendable {
    let name: String
    let type: UInt32
  }

  /// Where a value lies in `bytes`; a negative length is NULL.
  struct Cell: Sendable {
    let offset: Int
    let length: Int32
  }

  let columns: [Column]
  let cells: [Cell]
  let bytes: [UInt8]
  let rowCount: Int
  let affected: Int

  init(columns: [Column], cells: [Cell], bytes: [UInt8], rowCount: Int, affected: Int) {
    self.columns = columns
    self.cells = cells
    self.bytes = bytes
    self.rowCount = rowCount
    self.affected = affected
  }

  static let empty = ResultStorage(columns: [], cells: [], bytes: [], rowCount: 0, affected: 0)
}
