#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Removes what is in a folder with all that is below it, and nothing else, though somebody goes on changing it.
///
/// It goes by descriptors: a path that was a folder when it was looked at may be a link to another by the time it is
/// used, and a worker that runs as root would empty that one.
///
/// Who makes files as fast as they are removed, or has left millions, keeps it busy for no longer than it was allowed.
struct FolderClearing {
  /// How far down it goes, each step with a descriptor. What lies deeper is moved up first.
  private static let depth = 64
  /// How many names are read before they are removed.
  private static let batch = 1000

  /// What became of the folder.
  enum Outcome: Sendable, Equatable {
    /// Nothing is left but what cannot be removed.
    case finished
    /// Time was up, after so many removals.
    case cutShort(removed: Int)
  }

  private let top: CInt
  private let device: dev_t
  private let deadline: ContinuousClock.Instant
  private var moved = 0
  private var removed = 0
  private var isCutShort = false

  /// - Parameters:
  ///   - folder: The folder's descriptor. The folder itself stays.
  ///   - deadline: When to stop; it stops as well when the task is cancelled that it is called from.
  static func clear(_ folder: CInt, before deadline: ContinuousClock.Instant) -> Outcome {
    var status = stat()
    guard fstat(folder, &status) == 0 else { return .finished }
    var clearing = FolderClearing(top: folder, device: status.st_dev, deadline: deadline)
    clearing.clear(folder, depth: 0)
    return clearing.isCutShort ? .cutShort(removed: clearing.removed) : .finished
  }

  private init(top: CInt, device: dev_t, deadline: ContinuousClock.Instant) {
    self.top = top
    self.device = device
    self.deadline = deadline
  }

  private mutating func clear(_ folder: CInt, depth: Int) {
    // Programs make folders that nobody may write to, its owner neither.
    _ = fchmod(folder, 0o700)
    var progress = true
    while progress {
      let names = Self.names(in: folder)
      progress = false
      for name in names {
        if mustStop() { return }
        if remove(name, from: folder, depth: depth) {
          progress = true
          removed += 1
        }
      }
    }
  }

  /// Asked before each removal: some take long, and a clock costs next to nothing beside any.
  private mutating func mustStop() -> Bool {
    if !isCutShort, ContinuousClock.now >= deadline || Task.isCancelled { isCutShort = true }
    return isCutShort
  }

  /// - Returns: Whether it is gone from the folder.
  private mutating func remove(_ name: [CChar], from folder: CInt, depth: Int) -> Bool {
    if unlinkat(folder, name, 0) == 0 { return true }
    let inner = Self.open(name, in: folder)
    guard inner >= 0 else { return false }
    defer { close(inner) }
    var status = stat()
    // Not into what is mounted there.
    guard fstat(inner, &status) == 0, status.st_dev == device else { return false }
    if depth == Self.depth {
      _ = fchmod(inner, 0o700)
      moved += 1
      return renameat(folder, name, top, "moved-\(moved)-\(UInt64.random(in: .min ... .max))") == 0
    }
    clear(inner, depth: depth + 1)
    return unlinkat(folder, name, AT_REMOVEDIR) == 0
  }

  /// Also a folder that its owner may not look into; to root all are open.
  private static func open(_ name: [CChar], in folder: CInt) -> CInt {
    let flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC
    let inner = openat(folder, name, flags)
    guard inner < 0, errno == EACCES, fchmodat(folder, name, 0o700, AT_SYMLINK_NOFOLLOW) == 0 else { return inner }
    return openat(folder, name, flags)
  }

  /// As the bytes that they are: a name need not be text.
  private static func names(in folder: CInt) -> [[CChar]] {
    let descriptor = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { return [] }
    guard let stream = fdopendir(descriptor) else {
      close(descriptor)
      return []
    }
    defer { closedir(stream) }
    var names: [[CChar]] = []
    while names.count < batch, let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: CChar.self, capacity: 256) { start in
          Array(UnsafeBufferPointer(start: start, count: strlen(start) + 1))
        }
      }
      if name != [0x2E, 0] && name != [0x2E, 0x2E, 0] { names.append(name) }
    }
    return names
  }
}
