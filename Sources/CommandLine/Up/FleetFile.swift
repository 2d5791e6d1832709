import BatonJSON

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// `fleet.json`: where a running fleet is, for scripts. It is there only while the fleet is ready.
struct FleetFile: Sendable, Equatable, JSONEncodable {
  struct Process: Sendable, Equatable, JSONEncodable {
    var name: String
    var pid: Int32
    var url: String

    func write(to writer: inout JSONWriter) {
      writer.object { writer in
        writer.field("name", name)
        writer.field("pid", Int(pid))
        writer.field("url", url)
      }
    }
  }

  var coordinatorURL: String
  var databaseURL: String
  var processes: [Process]

  func write(to writer: inout JSONWriter) {
    writer.object { writer in
      writer.field("coordinator_url", coordinatorURL)
      writer.field("database_url", databaseURL)
      writer.field("processes", processes)
    }
  }

  /// Puts the file in place at once, whole; only its owner may read it, as a database's address may hold a password.
  /// - Throws: `CommandFailure`.
  func save(to path: String) throws {
    let draft = path + ".new"
    unlink(draft)
    let descriptor = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    let bytes = json + [UInt8(ascii: "\n")]
    var isWritten = descriptor >= 0
    if isWritten {
      isWritten = Terminal(descriptor, isTerminal: false, environment: [:]).attempt(bytes) == nil
      close(descriptor)
    }
    guard isWritten, rename(draft, path) == 0 else {
      throw CommandFailure(ExitStatus.cannotCreate, "cannot write '\(path)': \(String(cString: strerror(errno)))")
    }
  }

  static func remove(_ path: String) { unlink(path) }
}
