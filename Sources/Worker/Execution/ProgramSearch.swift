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

/// Finds a program as a shell would, but always by the worker's own `PATH`: a job's variables must not decide which
/// file an allowed name stands for.
enum ProgramSearch {
  static func path(of program: String, in directory: String?, searchPath: String) -> String? {
    if program.contains("/") {
      let path = program.hasPrefix("/") ? program : "\(directory ?? currentDirectory)/\(program)"
      return isExecutable(path) ? path : nil
    }
    for folder in searchPath.split(separator: ":", omittingEmptySubsequences: true) {
      let path = "\(folder)/\(program)"
      if isExecutable(path) { return path }
    }
    return nil
  }

  private static var currentDirectory: String { FileManager.default.currentDirectoryPath }

  private static func isExecutable(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG && access(path, X_OK) == 0
  }
}
