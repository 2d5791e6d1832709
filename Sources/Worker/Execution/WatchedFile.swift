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

/// A file that a program replaces now and then, read only when it is whole.
///
/// A program that follows the rules writes beside it and renames over it: then every file that can be opened here is
/// whole. One that writes in place is read once its file has stood still from one look to the next.
struct WatchedFile: Sendable {
  struct Stamp: Sendable, Equatable {
    let inode: UInt64
    let size: Int64
    let seconds: Int
    let nanoseconds: Int
  }

  enum WriterEnd: Sendable {
    case byItself
    case killed
  }

  let path: String
  /// What was taken last.
  private var taken: Stamp?
  /// What was seen last.
  private var seen: Stamp?

  /// - Parameter isKnown: Whether what is there now is not news.
  init(path: String, isKnown: Bool = false) {
    self.path = path
    if isKnown { taken = Self.stamp(of: path) }
    seen = taken
  }

  /// The file's bytes if they are new and whole.
  ///
  /// - Parameter end: How its writer has ended, if it has: there will be no further look.
  mutating func takeIfNew(after end: WriterEnd? = nil) -> [UInt8]? {
    guard let stamp = Self.stamp(of: path), stamp != taken else { return nil }
    defer { seen = stamp }
    let isInPlace = stamp.inode == taken?.inode
    switch end {
    case nil:
      // The first file of all may be one that is still being written, too.
      if isInPlace || taken == nil, stamp != seen { return nil }
    case .killed:
      // Killed in the middle of writing, most likely.
      if isInPlace, stamp != seen { return nil }
    case .byItself: break
    }
    guard let bytes = Self.read(path, expecting: stamp) else { return nil }
    taken = stamp
    return bytes
  }

  /// Forgets that the newest was taken: it could not be delivered.
  mutating func putBack() { taken = nil }

  private static func stamp(of path: String) -> Stamp? {
    var status = stat()
    guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
    return Stamp(status)
  }

  /// Reads the file, and makes sure that it was not written to meanwhile.
  private static func read(_ path: String, expecting stamp: Stamp) -> [UInt8]? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: Int(stamp.size))
    var filled = 0
    while filled < bytes.count {
      let count = bytes.withUnsafeMutableBytes { buffer in
        #if canImport(Darwin)
          Darwin.read(descriptor, buffer.baseAddress! + filled, buffer.count - filled)
        #elseif canImport(Musl)
          Musl.read(descriptor, buffer.baseAddress! + filled, buffer.count - filled)
        #else
          Glibc.read(descriptor, buffer.baseAddress! + filled, buffer.count - filled)
        #endif
      }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return nil }
      filled += count
    }
    var status = stat()
    guard fstat(descriptor, &status) == 0, Stamp(status) == stamp else { return nil }
    return bytes
  }
}

extension WatchedFile.Stamp {
  fileprivate init(_ status: stat) {
    #if canImport(Darwin)
      let time = status.st_mtimespec
    #else
      let time = status.st_mtim
    #endif
    self.init(
      inode: UInt64(status.st_ino), size: Int64(status.st_size), seconds: time.tv_sec, nanoseconds: time.tv_nsec)
  }
}
