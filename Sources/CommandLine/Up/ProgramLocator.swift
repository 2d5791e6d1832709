#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Finds the programs of a fleet: beside this one, else on the search path.
struct ProgramLocator {
  /// The folder that this process's own program lies in.
  let ownFolder: String?
  let searchPath: [String]
  let isExecutable: (String) -> Bool

  init(ownFolder: String?, searchPath: [String], isExecutable: @escaping (String) -> Bool) {
    self.ownFolder = ownFolder
    self.searchPath = searchPath
    self.isExecutable = isExecutable
  }

  init(environment: [String: String]) {
    self.init(
      ownFolder: Self.ownProgram().flatMap { path in
        path.lastIndex(of: "/").map { String(path[..<$0]) }
      },
      searchPath: (environment["PATH"] ?? "").split(separator: ":").map(String.init),
      isExecutable: { access($0, X_OK) == 0 })
  }

  /// - Throws: `CommandFailure` when there is no such program.
  func path(_ name: String) throws -> String {
    for folder in [ownFolder].compactMap({ $0 }) + searchPath where isExecutable("\(folder)/\(name)") {
      return "\(folder)/\(name)"
    }
    throw CommandFailure(
      ExitStatus.negative, "the program '\(name)' is neither beside baton nor on the search path (PATH)")
  }

  /// - Returns: Nil when there is no such program beside `baton`.
  func pathBesideBaton(_ name: String) -> String? {
    ownFolder.map { "\($0)/\(name)" }.flatMap { isExecutable($0) ? $0 : nil }
  }

  /// The path of this process's own program, if the system tells.
  static func ownProgram() -> String? {
    var buffer = [CChar](repeating: 0, count: 4096)
    #if canImport(Darwin)
      var size = UInt32(buffer.count)
      guard _NSGetExecutablePath(&buffer, &size) == 0 else { return nil }
      return String(cString: buffer)
    #else
      let count = readlink("/proc/self/exe", &buffer, buffer.count)
      guard count > 0 else { return nil }
      return String(decoding: buffer.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    #endif
  }
}
