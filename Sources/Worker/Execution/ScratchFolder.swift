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
  /// What is in it from the start, or may be at the end.
  enum Content: String {
    case input = "input.json"
    case checkpoint
    case progress
    case result = "result.json"

    /// The most that is read of what a program has made, in bytes: more than any coordinator can be told to take.
    fileprivate var limit: Int {
      switch self {
      case .input: .max
      case .checkpoint: 512 << 20
      case .progress: ProgressFile.limit
      case .result: 256 << 20
      }
    }
  }

  let path: String
  /// The user whose it becomes; nil when programs run as the worker's own.
  private let user: ExecUser?
  /// The folder itself. It holds the lock, too.
  private let folder: CInt

  /// Makes the folder, readable by nobody else. It is there until ``remove()``.
  /// - Throws: ``JobFailed``, to be tried again, when it cannot be made.
  init(under parent: String, named name: String, for user: ExecUser? = nil) throws {
    let path = "\(parent)/\(Self.prefix)\(name)"
    self.path = path
    self.user = user
    var folder: CInt?
    // The sweeper of another worker may take it for left over, between the making and the locking. It holds it for a
    // moment, and on a busy machine for a longer one: half a second in all.
    for attempt in 0..<10 where folder == nil {
      if attempt > 0 { usleep(500 << UInt32(attempt)) }
      do {
        try FileManager.default.createDirectory(
          atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
      } catch {
        throw JobFailed(code: "scratch_unavailable", message: "cannot make the folder \(path): \(error)")
      }
      folder = Self.lock(path)
    }
    guard let folder else {
      throw JobFailed(code: "scratch_unavailable", message: "cannot lock the folder \(path)")
    }
    self.folder = folder
  }

  /// - Returns: The descriptor that holds the lock; nil when somebody else has it or has removed the folder, and when
  ///   somebody else has made it, who would get the job's files.
  private static func lock(_ path: String) -> CInt? {
    let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    // Where there are no locks, nobody can get one to remove it.
    let isHeld = flock(descriptor, LOCK_SH | LOCK_NB) == 0 || errno != EWOULDBLOCK
    var (status, found) = (stat(), stat())
    guard isHeld, fstat(descriptor, &status) == 0, status.st_uid == geteuid(), stat(path, &found) == 0,
      status.st_ino == found.st_ino
    else {
      close(descriptor)
      return nil
    }
    return descriptor
  }

  /// Where a program finds it.
  func path(of content: Content) -> String { "\(path)/\(content.rawValue)" }

  func file(_ content: Content) -> ExchangedFile {
    ExchangedFile(folder: folder, name: content.rawValue, owner: user?.userID, limit: content.limit)
  }

  /// To be called before the folder is handed over.
  func write(_ bytes: [UInt8], to content: Content) throws {
    do {
      try file(content).create(bytes, group: user?.groupID)
    } catch {
      throw JobFailed(code: "scratch_unavailable", message: "\(error), in the folder \(path)")
    }
  }

  /// Makes it the programs' user's, who can do with it what it likes from now on.
  func handOver() throws {
    guard let user, fchown(folder, user.userID, user.groupID) != 0 else { return }
    let failure = SystemFailure(action: "give the folder \(path) to \(user.label)")
    throw JobFailed(code: "scratch_unavailable", message: "\(failure)")
  }

  /// The program's result, if it wrote one.
  ///
  /// - Parameter admitting: Called with the result's size, before it is read.
  /// - Throws: ``JobFailed`` with the code `invalid_result`, not to be tried again, when it is no JSON; or the
  ///   `CoordinatorError` that `admitting` throws.
  func result(admitting: (_ bytes: Int) async throws(CoordinatorError) -> Void) async throws -> RawJSON? {
    do {
      guard let (descriptor, status) = try file(.result).open() else { return nil }
      defer { close(descriptor) }
      try await admitting(Int(status.st_size))
      guard let bytes = ExchangedFile.read(Int(status.st_size), from: descriptor) else {
        throw SystemFailure(action: "read it")
      }
      return try RawJSON(parsing: bytes)
    } catch let error as CoordinatorError {
      throw error
    } catch {
      throw JobFailed(
        code: "invalid_result", message: "the file that BATON_RESULT_FILE names: \(error)", retryable: false)
    }
  }

  /// Empties the folder and removes it. What that leaves when time is up is left over: ``LeftoverFolders`` goes on with
  /// it.
  func remove(within limit: Duration) -> FolderClearing.Outcome {
    let outcome = FolderClearing.clear(folder, before: .now + limit)
    // Should its user have put something else there: an empty folder is all that this removes.
    if outcome == .finished { rmdir(path) }
    unlock()
    return outcome
  }

  /// Leaves the folder to whoever finds it, as a worker does that is killed.
  func unlock() {
    // Not by closing alone: a process that is just being started has a copy of the descriptor until it is its program.
    _ = flock(folder, LOCK_UN)
    close(folder)
  }

  /// What the names of these folders begin with. The machine's name is in it: where folders are shared over a network,
  /// locks may not be.
  static let prefix: String = {
    var name = [CChar](repeating: 0, count: 256)
    _ = gethostname(&name, name.count - 1)
    let allowed = name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
      .filter { (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0) || $0 == 0x2D }
    return "baton-\(String(decoding: allowed.prefix(64), as: UTF8.self))-job-"
  }()
}
