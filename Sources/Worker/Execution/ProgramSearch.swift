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
/// file an allowed name stands for, and nor must the folder that it chooses to run in.
enum ProgramSearch {
  /// Looked for by bytes: with a combining mark behind it, it is no slash to `Character`.
  private static let slash = UInt8(ascii: "/")

  /// - Parameters:
  ///   - program: A path, which may be relative to `directory`, or a name.
  ///   - directory: The job's own; nil for the worker's.
  ///   - searchPath: The worker's. A folder in it that is not absolute is passed over: the program is started where the
  ///     job wants to run, and would be another one there.
  /// - Returns: An absolute path; nil when there is no such program.
  static func path(of program: String, in directory: String?, searchPath: String) -> String? {
    if program.utf8.contains(slash) {
      let path = program.utf8.first == slash ? program : "\(absolute(directory))/\(program)"
      return isExecutable(path) ? path : nil
    }
    for folder in searchPath.split(separator: ":") where folder.utf8.first == slash {
      let path = "\(folder)/\(program)"
      if isExecutable(path) { return path }
    }
    return nil
  }

  private static func absolute(_ directory: String?) -> String {
    guard let directory else { return currentDirectory }
    return directory.utf8.first == slash ? directory : "\(currentDirectory)/\(directory)"
  }

  private static var currentDirectory: String { FileManager.default.currentDirectoryPath }

  private static func isExecutable(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG && access(path, X_OK) == 0
  }
}
