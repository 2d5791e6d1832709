import CLibPQ

/// Owns one `PGresult` of libpq and clears it.
struct LibPQResult: ~Copyable {
  let pointer: OpaquePointer

  init(_ pointer: OpaquePointer) {
    self.pointer = pointer
  }

  deinit {
    PQclear(pointer)
  }

  var status: ExecStatusType { PQresultStatus(pointer) }

  /// The command tag, such as `COMMIT`.
  var command: String { String(cString: PQcmdStatus(pointer)) }

  /// The error the server reported, if this is one.
  var error: PostgresServerError? {
    guard let sqlState = field("C") else { return nil }
    return PostgresServerError(
      sqlState: sqlState, message: field("M") ?? "", detail: field("D"), hint: field("H"), constraint: field("n"),
      table: field("t"), column: field("c"), severity: field("V") ?? "ERROR")
  }

  /// A field of an error or notice; the letters are those of the wire protocol.
  private func field(_ code: Unicode.Scalar) -> String? {
    PQresultErrorField(pointer, Int32(code.value)).map { String(cString: $0) }
  }

  /// Copies all values out, into one buffer.
  func copy() -> ResultStorage {
    let rowCount = Int(PQntuples(pointer))
    let columnCount = Int(PQnfields(pointer))
    let affected = Int(String(cString: PQcmdTuples(pointer))) ?? 0
    // An array made in place is written to even if it is empty, and all empty ones are one and the same object.
    if columnCount == 0 {
      return ResultStorage(columns: [], cells: [], bytes: [], rowCount: rowCount, affected: affected)
    }
    let columns = (0..<Int32(columnCount)).map { column in
      ResultStorage.Column(name: String(cString: PQfname(pointer, column)), type: PQftype(pointer, column))
    }
    var total = 0
    if rowCount == 0 {
      return ResultStorage(columns: columns, cells: [], bytes: [], rowCount: rowCount, affected: affected)
    }
    let cells = [ResultStorage.Cell](unsafeUninitializedCapacity: rowCount * columnCount) { buffer, count in
      for row in 0..<Int32(rowCount) {
        for column in 0..<Int32(columnCount) {
          // A value of no bytes and NULL have the same length; only the first costs no more than this call.
          var length = PQgetlength(pointer, row, column)
          if length == 0, PQgetisnull(pointer, row, column) != 0 { length = -1 }
          buffer.initializeElement(at: count, to: ResultStorage.Cell(offset: total, length: length))
          total += Int(max(0, length))
          count += 1
        }
      }
    }
    if total == 0 {
      return ResultStorage(columns: columns, cells: cells, bytes: [], rowCount: rowCount, affected: affected)
    }
    let bytes = [UInt8](unsafeUninitializedCapacity: total) { buffer, count in
      var index = 0
      for row in 0..<Int32(rowCount) {
        for column in 0..<Int32(columnCount) {
          let cell = cells[index]
          index += 1
          guard cell.length > 0, let value = PQgetvalue(pointer, row, column) else { continue }
          UnsafeMutableRawPointer(buffer.baseAddress! + cell.offset)
            .copyMemory(from: value, byteCount: Int(cell.length))
        }
      }
      count = total
    }
    return ResultStorage(columns: columns, cells: cells, bytes: bytes, rowCount: rowCount, affected: affected)
  }
}
