import Foundation
import Testing

@testable import BatonWorker

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

extension WatchedFile {
  /// A file of the worker's own user's.
  init(path: String, isKnown: Bool = false, mustBeWhole: Bool = true, limit: Int = .max) {
    self.init(
      ExchangedFile(folder: AT_FDCWD, name: path, limit: limit), isKnown: isKnown, mustBeWhole: mustBeWhole)
  }
}

@Suite struct WatchedFileTests {
  private let folder: String
  private var path: String { folder + "/file" }

  init() throws {
    folder = FileManager.default.temporaryDirectory.path() + "/watched-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
  }

  private func replace(_ text: String) throws {
    try Data(text.utf8).write(to: URL(filePath: path + ".new"))
    _ = try? FileManager.default.removeItem(atPath: path)
    try FileManager.default.moveItem(atPath: path + ".new", toPath: path)
  }

  private func append(_ text: String) throws {
    let file = try #require(fopen(path, "a"))
    fputs(text, file)
    fclose(file)
  }

  @Test func aReplacedFileIsTakenOnce() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    var file = WatchedFile(path: path)
    #expect(file.takeIfNew() == nil)
    try replace("one")
    #expect(file.takeIfNew() == nil, "the first may still be being written")
    #expect(file.takeIfNew() == Array("one".utf8))
    #expect(file.takeIfNew() == nil)
    try replace("two")
    #expect(file.takeIfNew() == Array("two".utf8), "one that was renamed into place is whole")
    file.putBack()
    #expect(file.takeIfNew() == Array("two".utf8), "what could not be delivered is taken again")
  }

  @Test func aFileReplacedAtEveryLookIsTakenAllTheSame() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    var file = WatchedFile(path: path)
    var taken: [String] = []
    for turn in 0..<10 {
      // Twice between two looks: the file system is then free to give the old inode's number to the newest file.
      try replace("\(turn)a")
      try replace("\(turn)b")
      if let bytes = file.takeIfNew() { taken.append(String(decoding: bytes, as: UTF8.self)) }
    }
    #expect(taken == (1..<10).map { "\($0)b" }, "only the first may still be being written")
  }

  @Test func aPartWillDoWhereItDoesNoHarm() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    var file = WatchedFile(path: path, mustBeWhole: false)
    try append("0.4")
    #expect(file.takeIfNew() == Array("0.4".utf8))
    try append("2")
    #expect(file.takeIfNew() == Array("0.42".utf8))
  }

  @Test func aFileWrittenInPlaceIsTakenWhenItStandsStill() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try replace("start")
    var file = WatchedFile(path: path, isKnown: true)
    #expect(file.takeIfNew() == nil, "what was put there is no news")
    try append(" more")
    #expect(file.takeIfNew() == nil)
    try append(" and more")
    #expect(file.takeIfNew() == nil, "it has grown since the last look")
    #expect(file.takeIfNew() == Array("start more and more".utf8))
  }

  @Test func halfOfAFileIsNotTakenFromAKilledWriter() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try replace("start")
    var file = WatchedFile(path: path, isKnown: true)
    try append(" ha")
    #expect(file.takeIfNew(after: .killed) == nil)
    var other = WatchedFile(path: path, isKnown: true)
    try append("lf")
    #expect(other.takeIfNew(after: .byItself) == Array("start half".utf8))
  }

  @Test func whatIsNoOrdinaryFileIsNotReadAndTheReasonIsTold() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    var file = WatchedFile(path: path, limit: 1_000_000)
    #expect(file.refusal == nil, "there is none")
    #expect(mkfifo(path, 0o600) == 0)
    #expect(file.takeIfNew(after: .byItself) == nil)
    #expect(file.refusal == .noRegularFile)
    // A terabyte of nothing: it would take the worker's memory, and with it all its jobs.
    unlink(path)
    #expect(FileManager.default.createFile(atPath: path, contents: nil))
    #expect(truncate(path, 1 << 40) == 0)
    #expect(file.takeIfNew(after: .byItself) == nil)
    #expect(file.refusal == .tooLarge(limit: 1_000_000))
    #expect(truncate(path, 3) == 0)
    #expect(file.takeIfNew(after: .byItself) == [0, 0, 0])
    #expect(file.refusal == nil)
  }

  /// A look that came to nothing, because there was no room to read: the next may be the last.
  @Test func whatWasFoundWholeButNotReadIsTakenFromAKilledWriterToo() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try replace("start")
    var file = WatchedFile(path: path, isKnown: true)
    try replace("renamed into place")
    let news = file.news()
    #expect(news?.bytes == 18)
    #expect(file.takeIfNew(after: .killed) == Array("renamed into place".utf8))
    #expect(file.takeIfNew(after: .byItself) == nil, "once")
  }

  @Test func whatIsWrittenToBetweenTheLookAndTheReadingIsNotTaken() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try replace("start")
    var file = WatchedFile(path: path, isKnown: true)
    try replace("small")
    let found = file.news()
    let news = try #require(found)
    // It was let in for five bytes.
    #expect(truncate(path, 1 << 30) == 0)
    #expect(file.take(news) == nil)
    try replace("another")
    #expect(file.takeIfNew() == Array("another".utf8))
    #expect(file.take(news) == nil, "of an earlier look")
  }

  @Test func ofAnotherUsersProgramOnlyThatUsersOwnFilesAreRead() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try replace("the worker's")
    let descriptor = open(folder, O_RDONLY | O_DIRECTORY)
    defer { close(descriptor) }
    func read(_ name: String, of owner: uid_t?) throws -> String? {
      guard let opened = try ExchangedFile(folder: descriptor, name: name, owner: owner).open() else { return nil }
      defer { close(opened.descriptor) }
      return ExchangedFile.read(Int(opened.status.st_size), from: opened.descriptor)
        .map { String(decoding: $0, as: UTF8.self) }
    }
    #expect(symlink(path, folder + "/link") == 0)
    #expect(link(path, folder + "/second") == 0)
    #expect(try read("link", of: nil) == "the worker's", "the program could read that itself")
    #expect(try read("file", of: geteuid()) == "the worker's")
    #expect(throws: ExchangedFile.Refusal.symbolicLink) { try read("link", of: geteuid()) }
    #expect(throws: ExchangedFile.Refusal.foreign) { try read("file", of: geteuid() + 1) }
    #expect(throws: ExchangedFile.Refusal.foreign) { try read("second", of: geteuid() + 1) }
    #expect(try read("none", of: geteuid()) == nil)
  }

  /// Seen once, and not written to for a good while before the end: that is a whole file.
  @Test func whatStoodStillWhileItsWriterLivedIsTakenThoughItWasKilled() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    var file = WatchedFile(path: path, isKnown: true)
    try replace("first")
    #expect(file.takeIfNew() == nil)
    file.pause = .seconds(3600)
    #expect(file.takeIfNew(after: .killed) == nil, "a moment later that says nothing")
    file.pause = .zero
    #expect(file.takeIfNew(after: .killed) == Array("first".utf8))
  }
}
