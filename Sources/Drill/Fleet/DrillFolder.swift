#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

enum DrillFolder {
  static func make(_ path: String) -> Bool {
    (try? FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)) != nil
  }
}
