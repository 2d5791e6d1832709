#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif
#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Finds and ends processes that a job's program started in a session of their own, out of reach of a signal to its
/// group. They carry the lease in their environment.
///
/// On Linux only; elsewhere there is no `/proc` to look at.
enum StrayProcesses {
  #if os(Linux)
    /// Kills those that it finds at this moment.
    /// - Returns: How many there were.
    static func kill(carrying variable: String, value: String, except spared: pid_t?) -> Int {
      let mark = Array("\(variable)=\(value)".utf8)
      return all().count { process in
        guard process != spared, let entry = ProcessEntry.read(process), !entry.isZombie,
          variables(of: process).contains(where: { $0.elementsEqual(mark) })
        else { return false }
        return entry.id.signal(SIGKILL)
      }
    }

    /// The processes that can be seen, without this one.
    static func all() -> [pid_t] {
      let own = getpid()
      var found: [pid_t] = []
      guard let folder = opendir("/proc") else { return [] }
      defer { closedir(folder) }
      while let entry = readdir(folder) {
        let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
          pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        }
        if let process = pid_t(name), process != own, process > 1 { found.append(process) }
      }
      return found
    }

    /// Nothing of processes of other users, and nothing of those that have ended and wait to be reaped.
    static func variables(of process: pid_t) -> [ArraySlice<UInt8>] {
      let descriptor = open("/proc/\(process)/environ", O_RDONLY | O_CLOEXEC)
      guard descriptor >= 0 else { return [] }
      defer { close(descriptor) }
      var bytes: [UInt8] = []
      var chunk = [UInt8](repeating: 0, count: 16 * 1024)
      while bytes.count < 1024 * 1024 {
        let count = read(descriptor, &chunk, chunk.count)
        if count <= 0 { break }
        bytes.append(contentsOf: chunk[..<count])
      }
      return bytes.split(separator: 0)
    }
  #endif
}
