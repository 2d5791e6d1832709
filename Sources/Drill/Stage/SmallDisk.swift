#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A small file system in memory that only one worker sees, made without any rights where the system allows it.
enum SmallDisk {
  static func folder(_ drill: String) -> String { drill + "/small-disk" }

  /// The command that runs another one with the small disk mounted.
  static func command(around program: String, folder: String, size: String) -> [String] {
    [
      "unshare", "--user", "--map-root-user", "--mount", "/bin/sh", "-c",
      #"mount -t tmpfs -o size="$1" small-disk "$2" && exec "$3""#, "small-disk", size, folder, program,
    ]
  }

  /// Whether the system allows it.
  static func isAvailable(on fleet: DrillFleet, folder: String) async -> Bool {
    let command = command(around: "/bin/true", folder: folder, size: DiskFull.size)
    guard let process = try? await fleet.start("small-disk", "/usr/bin/env", arguments: command, environment: [:])
    else { return false }
    return await process.ended.wait(seconds: 10) == .exited(0)
  }

  /// Writes into a file until nothing fits any more.
  /// - Returns: Whether the disk is full now.
  static func fill(_ path: String) -> Bool {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    for size in [65_536, 4096, 1] {
      let bytes = [UInt8](repeating: 0, count: size)
      var written = 0
      // More than the small disk has is not its end: it is another disk.
      while written < 64 << 20 {
        let count = write(descriptor, bytes, size)
        guard count > 0 else { break }
        written += count
      }
      if written >= 64 << 20 {
        ftruncate(descriptor, 0)
        return false
      }
    }
    return errno == ENOSPC
  }
}
