#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A file that decides who may come in: read only while nobody else can have had a hand in it.
struct GuardedFile: Sendable {
  enum Guard: Sendable {
    /// Others may read it, but not write it.
    case againstWriting
    /// Others may do neither.
    case againstReading
  }

  /// What tells one version of a file from the next.
  struct Version: Sendable, Hashable {
    private let device: UInt64
    private let inode: UInt64
    private let size: Int64
    private let seconds: Int64
    private let nanoseconds: Int64

    init(_ status: stat) {
      device = UInt64(truncatingIfNeeded: status.st_dev)
      inode = UInt64(truncatingIfNeeded: status.st_ino)
      size = Int64(status.st_size)
      #if canImport(Darwin)
        let changed = status.st_mtimespec
      #else
        let changed = status.st_mtim
      #endif
      seconds = Int64(changed.tv_sec)
      nanoseconds = Int64(changed.tv_nsec)
    }
  }

  /// The setting that names the file.
  let setting: String
  let path: String
  let guarded: Guard

  /// nil when it cannot be looked at.
  var version: Version? {
    var status = stat()
    return stat(path, &status) == 0 ? Version(status) : nil
  }

  /// - Throws: `AccessFileError` when it cannot be read, or others may do what they must not.
  func read() throws(AccessFileError) -> [UInt8] {
    var status = stat()
    guard stat(path, &status) == 0, let data = FileManager.default.contents(atPath: path) else {
      throw AccessFileError(description: "\(setting): cannot read '\(path)'")
    }
    let mode = UInt32(status.st_mode)
    if mode & 0o002 != 0 {
      throw AccessFileError(description: "\(setting): every user may write to '\(path)'; say chmod o-w")
    }
    if guarded == .againstReading, mode & 0o004 != 0 {
      throw AccessFileError(description: "\(setting): every user may read '\(path)'; say chmod o-rwx")
    }
    return Array(data)
  }
}
