#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Keeps a second fleet out of a data folder, for as long as this process lives.
final class FolderLock: Sendable {
  private let descriptor: Int32

  /// - Parameter path: The lock's own file, made if it is not there. It stays, as a lock on a removed file is none.
  /// - Throws: `CommandFailure` when somebody else holds the lock, with their process id.
  init(_ path: String) throws {
    // Closed on exec, or a child that outlives this process would go on holding it.
    let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else {
      throw CommandFailure(ExitStatus.cannotCreate, "cannot open '\(path)': \(String(cString: strerror(errno)))")
    }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      var bytes = [UInt8](repeating: 0, count: 16)
      let count = max(0, read(descriptor, &bytes, bytes.count))
      let owner = String(decoding: bytes.prefix(count).prefix { isDigit($0) }, as: UTF8.self)
      close(descriptor)
      throw CommandFailure(
        ExitStatus.negative,
        "a fleet runs on this data folder already\(owner.isEmpty ? "" : " (baton up, process \(owner))"); "
          + "stop it, or choose another folder with --data")
    }
    let text = Array("\(getpid())\n".utf8)
    ftruncate(descriptor, 0)
    _ = text.withUnsafeBytes { pwrite(descriptor, $0.baseAddress, $0.count, 0) }
    // Not before: what throws once all properties are set is deinitialised, which closes the descriptor a second time,
    // by then somebody else's.
    self.descriptor = descriptor
  }

  deinit { close(descriptor) }
}

private func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
