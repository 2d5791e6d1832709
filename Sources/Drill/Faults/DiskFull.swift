#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The disk with a worker's scratch folders has no byte left.
///
/// The last worker of the drill has a small disk of its own, where the system lets it (Linux, with user namespaces).
struct DiskFull: Fault {
  let name = "disk-full"
  let summary = "the disk with one worker's scratch folders is full for 8 s"
  let sparesCoordinators = true
  let failsAttempts = true

  /// How large the small disk is, for `mount`.
  static let size = "2m"

  func inflict(on stage: FaultStage) async throws -> String? {
    guard let process = stage.workers.last?.process, let pid = process.started.value ?? nil else { return nil }
    // Only the worker's own namespace sees the disk; from outside, this is the way in.
    let folder = "/proc/\(pid)/root" + SmallDisk.folder(stage.fleet.folder)
    let filler = folder + "/filler"
    guard stage.hasSmallDisk else {
      throw FaultUnavailable(reason: "the system does not let a worker have a disk of its own (unshare, tmpfs)")
    }
    guard SmallDisk.fill(filler) else { return nil }
    let outcome: Result<Void, any Error>
    do {
      try await stage.hold(seconds: 8)
      outcome = .success(())
    } catch {
      outcome = .failure(error)
    }
    try? FileManager.default.removeItem(atPath: filler)
    try outcome.get()
    return "no byte left on it"
  }
}
