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

/// Where PostgreSQL's server programs are.
public struct PostgresBinaries: Hashable, Sendable {
  /// The directory with `initdb`, `postgres` and `psql`.
  public let directory: String

  public var initdb: String { directory + "/initdb" }
  public var postgres: String { directory + "/postgres" }
  public var psql: String { directory + "/psql" }

  /// Uses the programs in one directory, whether they are there or not.
  public init(directory: String) {
    self.directory = directory
  }

  /// Looks for the programs: in `PATH`, then where Debian, a build from source and Homebrew put them, newest first.
  ///
  /// - Parameter environment: Whose `PATH` counts.
  /// - Throws: ``LocalPostgresError/notInstalled``.
  public static func locate(
    environment: [String: String] = ProcessInfo.processInfo.environment
  ) throws(LocalPostgresError) -> PostgresBinaries {
    let path = (environment["PATH"] ?? "").split(separator: ":").map(String.init)
    let candidates =
      path.map(realDirectory)
      + versions(under: "/usr/lib/postgresql", suffix: "/bin")
      + versions(under: "/usr", suffix: "/bin", prefix: "pgsql-")
      + ["/usr/local/pgsql/bin"]
      + ["/opt/homebrew/opt", "/usr/local/opt", "/home/linuxbrew/.linuxbrew/opt"].flatMap {
        versions(under: $0, suffix: "/bin", prefix: "postgresql@") + ["\($0)/postgresql/bin"]
      }
    for directory in candidates {
      let binaries = PostgresBinaries(directory: directory)
      let programs = [binaries.initdb, binaries.postgres, binaries.psql]
      if programs.allSatisfy(FileManager.default.isExecutableFile(atPath:)) { return binaries }
    }
    throw .notInstalled
  }

  /// Where the `postgres` in this directory really is: PATH often has links to some of the programs only.
  private static func realDirectory(_ directory: String) -> String {
    guard let resolved = realpath(directory + "/postgres", nil) else { return directory }
    defer { free(resolved) }
    return String(cString: resolved).split(separator: "/").dropLast().reduce("") { "\($0)/\($1)" }
  }

  private static func versions(under root: String, suffix: String, prefix: String = "") -> [String] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []
    let versions = names.compactMap { name -> (version: Double, name: String)? in
      guard name.hasPrefix(prefix), let version = Double(name.dropFirst(prefix.count)) else { return nil }
      return (version, name)
    }
    return versions.sorted { $0.version > $1.version }.map { "\(root)/\($0.name)\(suffix)" }
  }
}
