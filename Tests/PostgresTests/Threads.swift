#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

#if canImport(Glibc)
  @_exported import Glibc
#elseif canImport(Musl)
  @_exported import Musl
#endif

/// The names of this process's threads; none where the system does not tell.
func threadNames() throws -> [String] {
  let tasks = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/task")) ?? []
  return tasks.compactMap { task in
    // It may have ended since it was listed.
    (try? String(contentsOfFile: "/proc/self/task/\(task)/comm", encoding: .utf8)).map { name in
      String(name.prefix { !$0.isNewline })
    }
  }
}
