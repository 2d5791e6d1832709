import BatonThreads
import Logging
import ServiceLifecycle

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

/// Removes the folders of jobs that nobody holds any more: those of workers that were killed on this machine, and those
/// that were too much to be emptied at the end of their job.
struct LeftoverFolders: Service {
  /// What one look has done.
  struct Look: Sendable, Equatable {
    /// The folders that are gone.
    var removed: [String] = []
    /// Those for which there was no time.
    var left: [String] = []
  }

  /// Where the folders are.
  let parent: String
  /// Whose they may be besides the worker's own.
  var user: ExecUser?
  /// How often to look, in seconds.
  var interval = 30.0
  /// How long one look may work at one folder: somebody may fill it as fast as it is emptied, and there may be others.
  var patience = Duration.seconds(5)
  let logger: Logger

  func run() async throws {
    // Removing files blocks, and may do so for long: it has a thread of its own, and ends when the worker does.
    let executor = ThreadExecutor(name: "leftovers")
    await cancelWhenGracefulShutdown {
      await withTaskExecutorPreference(executor) {
        repeat { tell(look()) } while (try? await Task.sleep(for: .seconds(interval))) != nil
      }
    }
  }

  private func tell(_ look: Look) {
    // Their names hold the ids of leases that may still be in force.
    if !look.removed.isEmpty {
      logger.notice(
        "removed folders that jobs have left", metadata: ["folders": "\(look.removed.count)", "in": "\(parent)"])
    }
    if !look.left.isEmpty, !Task.isCancelled {
      logger.warning(
        "folders that jobs have left are not empty yet; the rest is for the next look",
        metadata: [
          "folders": "\(look.left.count)", "in": "\(parent)", "next_look_seconds": "\(interval.tenths)",
        ])
    }
  }

  /// Looks once, for no longer than ``patience`` at each folder.
  func look() -> Look {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: parent)) ?? []
    var look = Look()
    for name in names where name.hasPrefix(ScratchFolder.prefix) {
      if Task.isCancelled { break }
      let path = "\(parent)/\(name)"
      switch remove(path) {
      case true?: look.removed.append(path)
      case false?: look.left.append(path)
      case nil: break
      }
    }
    return look
  }

  /// - Returns: Whether it is gone; nil when it is somebody's.
  private func remove(_ path: String) -> Bool? {
    let flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW
    var descriptor = open(path, flags)
    // A program may have closed its folder to its owner; somebody else's cannot be opened to us.
    if descriptor < 0, errno == EACCES, fchmodat(AT_FDCWD, path, 0o700, AT_SYMLINK_NOFOLLOW) == 0 {
      descriptor = open(path, flags)
    }
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_uid == geteuid() || status.st_uid == user?.userID,
      flock(descriptor, LOCK_EX | LOCK_NB) == 0
    else { return nil }
    if FolderClearing.clear(descriptor, before: .now + patience) != .finished { return false }
    return rmdir(path) == 0
  }
}
