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
/// whole. One that writes in place is read once its file has stood still from one look to the next. The two are told
/// apart by the inode; the file seen last is kept open, because a freed inode's number may be given to the next file.
struct WatchedFile: ~Copyable, Sendable {
  struct Stamp: Sendable, Equatable {
    let inode: UInt64
    let size: Int64
    let seconds: Int
    let nanoseconds: Int
  }

  /// What is there to be taken.
  struct News: Sendable, Equatable {
    fileprivate let stamp: Stamp
    /// How much it is.
    var bytes: Int { Int(stamp.size) }
  }

  enum WriterEnd: Sendable {
    case byItself
    case killed
  }

  private struct Seen {
    let descriptor: Int32
    let stamp: Stamp
    let at = ContinuousClock.now
  }

  /// Who writes in place does not pause for so long.
  var pause = Duration.milliseconds(300)

  private let file: ExchangedFile
  private let mustBeWhole: Bool
  /// What was taken last.
  private var taken: Stamp?
  /// What is known to be whole, taken or not.
  private var whole: Stamp?
  private var seen: Seen?
  /// Why what was there at the last look was not even looked at.
  private(set) var refusal: ExchangedFile.Refusal?

  /// - Parameters:
  ///   - isKnown: Whether what is there now is not news.
  ///   - mustBeWhole: False for a file of which a part does no harm: then a writer that never pauses is heard, too.
  init(_ file: ExchangedFile, isKnown: Bool = false, mustBeWhole: Bool = true) {
    self.file = file
    self.mustBeWhole = mustBeWhole
    seen = look()
    if isKnown { taken = seen?.stamp }
  }

  deinit {
    if let seen { close(seen.descriptor) }
  }

  /// The file's bytes if they are new and whole.
  ///
  /// - Parameter end: How its writer has ended, if it has: there will be no further look.
  mutating func takeIfNew(after end: WriterEnd? = nil) -> [UInt8]? {
    guard let news = news(after: end) else { return nil }
    return take(news)
  }

  /// Looks whether there is something new and whole, and reads nothing.
  ///
  /// - Parameter end: As for ``takeIfNew(after:)``.
  mutating func news(after end: WriterEnd? = nil) -> News? {
    guard let now = look() else { return nil }
    let before = seen
    seen = now
    defer { if let before { close(before.descriptor) } }
    guard now.stamp != taken else { return nil }
    // Found out at an earlier look, which did not come to the reading.
    let isKnownWhole = whole == now.stamp
    let isReplaced = before.map { $0.stamp.inode != now.stamp.inode } ?? false
    let stoodStill = before?.stamp == now.stamp
    switch end {
    // Seen for the first time, it may still be being written, in place.
    case nil: if mustBeWhole && !isKnownWhole && !isReplaced && !stoodStill { return nil }
    // Of course it stands still now; what counts is that it did while its writer lived, which was until just now.
    case .killed:
      let livedOn = before.map { $0.at + pause <= .now } ?? false
      if mustBeWhole && !isKnownWhole && !isReplaced && !(stoodStill && livedOn) { return nil }
    case .byItself: break
    }
    whole = now.stamp
    return News(stamp: now.stamp)
  }

  /// Reads what the last look has found.
  /// - Returns: Nil when it was written to since.
  mutating func take(_ news: News) -> [UInt8]? {
    guard let seen, seen.stamp == news.stamp, let bytes = Self.read(seen) else { return nil }
    taken = seen.stamp
    return bytes
  }

  /// Forgets that the newest was taken: it could not be delivered.
  mutating func putBack() { taken = nil }

  private mutating func look() -> Seen? {
    do throws(ExchangedFile.Refusal) {
      let opened = try file.open()
      refusal = nil
      return opened.map { Seen(descriptor: $0.descriptor, stamp: Stamp($0.status)) }
    } catch {
      refusal = error
      return nil
    }
  }

  /// Reads the file, and makes sure that it was not written to meanwhile.
  private static func read(_ file: Seen) -> [UInt8]? {
    guard let bytes = ExchangedFile.read(Int(file.stamp.size), from: file.descriptor) else { return nil }
    var status = stat()
    guard fstat(file.descriptor, &status) == 0, Stamp(status) == file.stamp else { return nil }
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
