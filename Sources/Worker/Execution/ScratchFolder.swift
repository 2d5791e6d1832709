import BatonJSON

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The files that a job's program and the worker exchange, in a folder of the attempt's own.
struct ScratchFolder: Sendable {
  let path: String

  var checkpointFile: String { path + "/checkpoint" }
  var progressFile: String { path + "/progress" }
  var resultFile: String { path + "/result.json" }
  var inputFile: String { path + "/input.json" }

  /// Makes the folder, readable by nobody else.
  /// - Throws: ``JobFailed``, to be tried again, when it cannot be made.
  init(under parent: String, named name: String) throws {
    path = "\(parent)/baton-\(name)"
    do {
      try FileManager.default.createDirectory(
        atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    } catch {
      throw JobFailed(code: "scratch_unavailable", message: "cannot make the folder \(path): \(error)")
    }
  }

  func write(_ bytes: [UInt8], to file: String) throws {
    do {
      try Data(bytes).write(to: URL(filePath: file))
    } catch {
      throw JobFailed(code: "scratch_unavailable", message: "cannot write \(file): \(error)")
    }
  }

  /// The program's result, if it wrote one.
  /// - Throws: ``JobFailed`` with the code `invalid_result`, not to be tried again, when it is no JSON.
  func result() throws -> RawJSON? {
    guard let data = FileManager.default.contents(atPath: resultFile) else { return nil }
    do {
      return try RawJSON(parsing: Array(data))
    } catch {
      throw JobFailed(
        code: "invalid_result", message: "the file that BATON_RESULT_FILE names: \(error)", retryable: false)
    }
  }

  func remove() {
    try? FileManager.default.removeItem(atPath: path)
  }
}
