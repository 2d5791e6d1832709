#if canImport(FoundationEssentials)
  import FoundationEssentials
#endif
#if canImport(Darwin)
  import Foundation
#endif
#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Where the programs under test are: the build puts them beside the tests.
enum Executables {
  static let folder: String = {
    #if canImport(Darwin)
      let bundle = Bundle.allBundles.first { $0.bundlePath.hasSuffix(".xctest") } ?? Bundle.main
      return bundle.bundleURL.deletingLastPathComponent().path
    #else
      var buffer = [UInt8](repeating: 0, count: 4096)
      let count = buffer.withUnsafeMutableBytes { readlink("/proc/self/exe", $0.baseAddress!, $0.count) }
      let path = String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
      return path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
    #endif
  }()

  static func path(_ name: String) -> String { "\(folder)/\(name)" }

  /// A program of the system, for tests that run one as a job; nil where there is none.
  static func system(_ name: String) -> String? {
    let folders = environment["PATH"]?.split(separator: ":").map(String.init) ?? []
    return folders.map { "\($0)/\(name)" }.first { access($0, X_OK) == 0 }
  }

  static let environment = ProcessInfo.processInfo.environment
}
