import BatonJSON

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

/// The files that a job's program and the worker exchange, in a folder of the attempt's own.
///
/// The worker holds a lock on the folder, which ends with it however it ends: a folder that is not locked is left over.
struct ScratchFolder: Sendable {
  let path: String
  private let lock: CInt

  var checkpointFile: String { path + "/checkpoint" }
  var progressFile: String { path + "/progress" }
  var resultFile: String { path + "/result.json" }
  var inputFile: String { path + "/input.json" }

  /// Makes the folder, readable by nobody else. It is there until ``remove()``.
  /// - Throws: ``JobFailed``, to be tried again, when it cannot be made.
  init(under parent: String, named name: String) throws {
    let path = "\(parent)/\(Self.prefix)\(name)"
    self.path = path
    var lock: CInt?
    // The sweeper of another worker may take it for left over, between the making and the locking.
    for _ in 0..<10 where lock == nil {
      do {
        try FileManager.default.createDirectory(
          atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
      } catch {
        throw JobFailed(code: "scratch_unavailable", message: "cannot make the folder \(path): \(error)")
      }
      lock = Self.lock(path)
    }
    guard let lock else {
      throw JobFailed(code: "scratch_unavailable", message: "cannot lock the folder \(path)")
    }
    self.lock = lock
  }

  /// - Returns: The descriptor that holds the lock; nil when somebody else has it or has removed the folder.
  private static func lock(_ path: String) -> CInt? {
    let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    // Where there are no locks, nobody can get one to remove it.
    let isHeld = flock(descriptor, LOCK_SH | LOCK_NB) == 0 || errno != EWOULDBLOCK
    var (status, found) = (stat(), stat())
    guard isHeld, fstat(descriptor, &status) == 0, stat(path, &found) == 0, status.st_ino == found.st_ino else {
      close(descriptor)
      return nil
    }
    return descriptor
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
    unlock()
  }

  /// Leaves the folder to whoever finds it, as a worker does that is killed.
  func unlock() { close(lock) }

  // MARK: Left over

  /// The machine's name is in it: where folders are shared over a network, locks may not be.
  private static let prefix: String = {
    var name = [CChar](repeating: 0, count: 256)
    _ = gethostname(&name, name.count - 1)
    let allowed = name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
      .filter { (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0) || $0 == 0x2D }
    return "baton-\(String(decoding: allowed.prefix(64), as: UTF8.self))-job-"
  }()

  /// Removes the folders whose worker was killed on this machine.
  ///
  /// - Parameter parent: Where they are.
  /// - Returns: What has been removed.
  static func removeLeftovers(under parent: String) -> [String] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: parent)) ?? []
    return names.filter { $0.hasPrefix(prefix) }.compactMap { name in
      let path = "\(parent)/\(name)"
      let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)
      guard descriptor >= 0 else { return nil }
      defer { close(descriptor) }
      var status = stat()
      guard fstat(descriptor, &status) == 0, status.st_uid == geteuid(),
        flock(descriptor, LOCK_EX | LOCK_NB) == 0
      else { return nil }
      do {
        try FileManager.default.removeItem(atPath: path)
        return path
      } catch {
        return nil
      }
    }
  }
}
