import Foundation
import Testing

@testable import BatonWorker

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

@Suite struct ScratchFolderTests {
  private let parent = FileManager.default.temporaryDirectory.path() + "/scratch-\(UUID().uuidString)"

  private func names() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: parent).sorted() }

  @Test func aFolderInUseIsNeverTakenForLeftOver() throws {
    defer { try? FileManager.default.removeItem(atPath: parent) }
    let folder = try ScratchFolder(under: parent, named: "a")
    try folder.write([1], to: folder.inputFile)
    #expect(ScratchFolder.removeLeftovers(under: parent) == [])
    #expect(access(folder.inputFile, F_OK) == 0)
    folder.remove()
    #expect(try names() == [])
  }

  @Test func aFolderWhoseWorkerIsGoneIsRemovedAndNothingElse() throws {
    defer { try? FileManager.default.removeItem(atPath: parent) }
    let used = try ScratchFolder(under: parent, named: "used")
    let gone = try ScratchFolder(under: parent, named: "gone")
    try gone.write([1], to: gone.checkpointFile)
    try FileManager.default.createDirectory(atPath: gone.path + "/inner", withIntermediateDirectories: true)
    // As the death of its process does.
    gone.unlock()
    for other in ["baton-elsewhere-job-x", "something", "baton-"] {
      try FileManager.default.createDirectory(atPath: "\(parent)/\(other)", withIntermediateDirectories: true)
    }
    let link = used.path.replacing("-used", with: "-link")
    try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: "\(parent)/something")
    #expect(ScratchFolder.removeLeftovers(under: parent) == [gone.path])
    #expect(try names().count == 5)
    #expect(ScratchFolder.removeLeftovers(under: parent + "/none") == [])
    used.remove()
  }

  @Test func sweepersThatRunAllTheTimeDoNotDisturbTheMaking() async throws {
    defer { try? FileManager.default.removeItem(atPath: parent) }
    let isDone = Watched(false)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        while !isDone.value {
          _ = ScratchFolder.removeLeftovers(under: parent)
          await Task.yield()
        }
      }
      group.addTask {
        defer { isDone.update { $0 = true } }
        for number in 0..<500 {
          let folder = try ScratchFolder(under: parent, named: "\(number)")
          try folder.write([1], to: folder.inputFile)
          #expect(access(folder.inputFile, F_OK) == 0)
          folder.remove()
        }
      }
      try await group.waitForAll()
    }
  }
}
