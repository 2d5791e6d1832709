#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A file in a job's folder, of which the program may have made anything: a pipe, a link to a file that only the worker
/// may read, a terabyte of nothing.
struct ExchangedFile: Sendable {
  /// Why a file is not read, to be continued from its name.
  enum Refusal: Error, Equatable, CustomStringConvertible {
    case symbolicLink
    case noRegularFile
    case foreign
    case tooLarge(limit: Int)

    var description: String {
      switch self {
      case .symbolicLink: "is a symbolic link"
      case .noRegularFile: "is no regular file"
      case .foreign: "belongs to another user"
      case .tooLarge(let limit): "is larger than \(limit) bytes"
      }
    }
  }

  /// The folder's descriptor. By its path it might be another by now: who may rename it may put a link in its place.
  let folder: CInt
  let name: String
  /// Who alone may have made it. Nil when programs run as the worker's own user, who can show the worker nothing that
  /// they could not read themselves.
  var owner: uid_t?
  /// The most that is read, in bytes.
  var limit = Int.max

  /// Opens the file for reading.
  ///
  /// - Returns: Nil when there is none, or it cannot be opened.
  /// - Throws: ``Refusal``.
  func open() throws(Refusal) -> (descriptor: CInt, status: stat)? {
    // A pipe in the file's place must not hold up whoever opens it.
    var flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK
    if owner != nil { flags |= O_NOFOLLOW }
    let descriptor = openat(folder, name, flags)
    guard descriptor >= 0 else {
      if errno == ELOOP { throw .symbolicLink }
      return nil
    }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      close(descriptor)
      return nil
    }
    if let refusal = refusal(status) {
      close(descriptor)
      throw refusal
    }
    _ = fcntl(descriptor, F_SETFL, O_RDONLY)
    return (descriptor, status)
  }

  private func refusal(_ status: stat) -> Refusal? {
    if status.st_mode & S_IFMT != S_IFREG { return .noRegularFile }
    // A second name for a file of somebody else's looks like any other.
    if let owner, status.st_uid != owner { return .foreign }
    return Int(status.st_size) > limit ? .tooLarge(limit: limit) : nil
  }

  /// Makes the file, readable by nobody else.
  ///
  /// - Parameter group: The owner's.
  /// - Throws: ``SystemFailure``, also when there is anything of that name.
  func create(_ bytes: [UInt8], group: gid_t?) throws {
    let descriptor = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw SystemFailure(action: "make \(name)") }
    defer { close(descriptor) }
    var written = 0
    while written < bytes.count {
      let count = bytes.withUnsafeBytes { systemWrite(descriptor, UnsafeRawBufferPointer(rebasing: $0[written...])) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw SystemFailure(action: "write \(name)") }
      written += count
    }
    if let owner, let group, fchown(descriptor, owner, group) != 0 { throw SystemFailure(action: "give \(name) away") }
  }

  /// Reads so many bytes.
  /// - Returns: Nil when there are not that many, or they cannot be read.
  static func read(_ count: Int, from descriptor: CInt) -> [UInt8]? {
    var bytes = [UInt8](repeating: 0, count: count)
    var filled = 0
    while filled < count {
      let got = bytes.withUnsafeMutableBytes {
        systemRead(descriptor, UnsafeMutableRawBufferPointer(rebasing: $0[filled...]))
      }
      if got < 0, errno == EINTR { continue }
      guard got > 0 else { return nil }
      filled += got
    }
    return bytes
  }
}

private func systemRead(_ descriptor: CInt, _ buffer: UnsafeMutableRawBufferPointer) -> Int {
  read(descriptor, buffer.baseAddress, buffer.count)
}

private func systemWrite(_ descriptor: CInt, _ buffer: UnsafeRawBufferPointer) -> Int {
  write(descriptor, buffer.baseAddress, buffer.count)
}
