import BatonTestSupport
import Foundation
import Logging
import Testing

@testable import BatonWorker

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

extension ScratchFolder {
  /// Removes the folder, however long it takes.
  func remove() { #expect(remove(within: .seconds(60)) == .finished) }
}

extension LeftoverFolders {
  init(_ parent: String, of user: ExecUser? = nil, patience: Duration = .seconds(60)) {
    var logger = Logger(label: "leftovers")
    logger.logLevel = .critical
    self.init(parent: parent, user: user, patience: patience, logger: logger)
  }
}

@Suite struct ScratchFolderTests {
  private let parent = FileManager.default.temporaryDirectory.path() + "/scratch-\(UUID().uuidString)"

  private func names() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: parent).sorted() }

  @Test func aFolderInUseIsNeverTakenForLeftOver() throws {
    defer { try? FileManager.default.removeItem(atPath: parent) }
    let folder = try ScratchFolder(under: parent, named: "a")
    try folder.write([1], to: .input)
    #expect(LeftoverFolders(parent).look().removed == [])
    #expect(access(folder.path(of: .input), F_OK) == 0)
    folder.remove()
    #expect(try names() == [])
  }

  @Test func aFolderWhoseWorkerIsGoneIsRemovedAndNothingElse() throws {
    defer { try? FileManager.default.removeItem(atPath: parent) }
    let used = try ScratchFolder(under: parent, named: "used")
    let gone = try ScratchFolder(under: parent, named: "gone")
    try gone.write([1], to: .checkpoint)
    try FileManager.default.createDirectory(atPath: gone.path + "/inner", withIntermediateDirectories: true)
    // As the death of its process does.
    gone.unlock()
    for other in ["baton-elsewhere-job-x", "something", "baton-"] {
      try FileManager.default.createDirectory(atPath: "\(parent)/\(other)", withIntermediateDirectories: true)
    }
    let link = used.path.replacing("-used", with: "-link")
    try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: "\(parent)/something")
    #expect(LeftoverFolders(parent).look().removed == [gone.path])
    #expect(try names().count == 5)
    #expect(LeftoverFolders(parent + "/none").look() == .init())
    used.remove()
  }

  @Test func aFolderThatSomebodyElseHasMadeOrAFileInItIsNotUsed() throws {
    defer { try? FileManager.default.removeItem(atPath: parent) }
    let folder = try ScratchFolder(under: parent, named: "a")
    // What a program that runs as the same user may do to another's folder.
    try FileManager.default.createSymbolicLink(
      atPath: folder.path(of: .checkpoint), withDestinationPath: parent + "/elsewhere")
    #expect(throws: JobFailed.self) { try folder.write([1], to: .checkpoint) }
    #expect(access(parent + "/elsewhere", F_OK) != 0)
    let link = folder.path.dropLast() + "b"
    try FileManager.default.createSymbolicLink(atPath: String(link), withDestinationPath: folder.path)
    #expect(throws: JobFailed.self) { try ScratchFolder(under: parent, named: "b") }
    folder.remove()
  }

  @Test func nothingIsLeftOfWhatAProgramMayHaveMade() throws {
    defer { try? FileManager.default.removeItem(atPath: parent) }
    let folder = try ScratchFolder(under: parent, named: "a")
    let outside = parent + "/outside"
    try FileManager.default.createDirectory(atPath: outside, withIntermediateDirectories: true)
    try Data("keep".utf8).write(to: URL(filePath: outside + "/file"))
    // Links out of it, folders that nobody may write to, names that are no text, more levels than a path has room for,
    // and more files than are looked at at once.
    let script = """
      cd "$1"; ln -s "$2" link; ln "$2/file" hard; mkfifo pipe; mkdir -p closed/inner; ln -s "$2" closed/inner/link
      touch closed/inner/file "$(printf 'caf\\351')"; chmod 555 closed/inner closed
      i=0; while [ $i -lt 1500 ]; do : > f$i; i=$((i+1)); done
      name=$(printf '%0200d' 0); i=0
      while [ $i -lt 150 ]; do mkdir $name; cd $name; : > file; ln -s "$2" link; i=$((i+1)); done
      """
    let shell = Process()
    shell.executableURL = URL(filePath: "/bin/sh")
    shell.arguments = ["-c", script, "sh", folder.path, outside]
    try shell.run()
    shell.waitUntilExit()
    #expect(shell.terminationStatus == 0)
    folder.remove()
    #expect(try names() == ["outside"])
    #expect(try Data(contentsOf: URL(filePath: outside + "/file")) == Data("keep".utf8))
  }

  @Test func sweepersThatRunAllTheTimeDoNotDisturbTheMaking() async throws {
    defer { try? FileManager.default.removeItem(atPath: parent) }
    let isDone = Watched(false)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        while !isDone.value {
          _ = LeftoverFolders(parent).look().removed
          await Task.yield()
        }
      }
      group.addTask {
        defer { isDone.update { $0 = true } }
        for number in 0..<500 {
          let folder = try ScratchFolder(under: parent, named: "\(number)")
          try folder.write([1], to: .input)
          #expect(access(folder.path(of: .input), F_OK) == 0)
          folder.remove()
        }
      }
      try await group.waitForAll()
    }
  }

  /// Leaves a folder with so many files in it.
  private func full(of count: Int) throws -> ScratchFolder {
    let folder = try ScratchFolder(under: parent, named: "full")
    for number in 0..<count { try folder.file(.input).named("f\(number)").create([], group: nil) }
    return folder
  }

  /// Somebody fills it as fast as it is emptied, or has left millions of files.
  @Test func aFolderThatIsTooMuchIsLeftWhenTimeIsUpAndTheRestIsRemovedLater() async throws {
    defer { try? FileManager.default.removeItem(atPath: parent) }
    let folder = try full(of: 20_000)
    guard case .cutShort(let removed) = folder.remove(within: .milliseconds(2)) else {
      Issue.record("20,000 files in 2 ms?")
      return
    }
    #expect(removed < 20_000)
    func rest() throws -> Int { try FileManager.default.contentsOfDirectory(atPath: folder.path).count }
    #expect(try rest() == 20_000 - removed)
    // On a busy machine 2 ms may go by before the first of them is gone.
    try await eventually("progress") {
      #expect(LeftoverFolders(parent, patience: .milliseconds(2)).look() == .init(left: [folder.path]))
      return try rest() < 20_000 - removed
    }
    #expect(try rest() > 0)
    #expect(LeftoverFolders(parent).look() == .init(removed: [folder.path]))
  }

  /// A folder that goes on for ever must not keep a worker from its end.
  @Test func aWorkerThatEndsStopsClearing() async throws {
    defer { try? FileManager.default.removeItem(atPath: parent) }
    let folder = try full(of: 10)
    folder.unlock()
    let look = await Task {
      withUnsafeCurrentTask { $0?.cancel() }
      return LeftoverFolders(parent).look()
    }.value
    #expect(look == .init())
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).count == 10)
  }

  @Test func anOutcomeDoesNotWaitForTheFolder() async throws {
    defer { try? FileManager.default.removeItem(atPath: parent) }
    try FileManager.default.createDirectory(atPath: parent, withIntermediateDirectories: true)
    try await CoordinatorDouble.run { coordinator in
      let job = try coordinator.submit("exec", execPayload(["sh", "-c", ": > $(dirname $BATON_RESULT_FILE)/mine"]))
      let worker = try TestWorker(coordinator) { configuration in
        configuration.scratchFolder = parent
        configuration.folderRemovalTime = .zero
      }
      try await worker.run {
        let outcome = try await coordinator.outcome(of: job)
        #expect(outcome.outcome == .done)
      }
    }
    let left = try #require(try names().first)
    let files = try FileManager.default.contentsOfDirectory(atPath: "\(parent)/\(left)").sorted()
    #expect(files == ["input.json", "mine"])
    #expect(LeftoverFolders(parent).look() == .init(removed: ["\(parent)/\(left)"]))
  }
}

extension ExchangedFile {
  fileprivate func named(_ name: String) -> ExchangedFile { ExchangedFile(folder: folder, name: name) }
}
