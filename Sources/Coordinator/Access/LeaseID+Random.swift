import BatonShared

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension LeaseID {
  /// A new id of 122 random bits (UUID version 4), which nobody can guess: whoever knows it holds the lease.
  ///
  /// Not `UUID()`: on Linux that opens `/dev/urandom` each time and does not look whether it could, so a process that
  /// has run out of file descriptors would give out whatever lay in memory. The generator of the standard library asks
  /// the kernel, and ends the process rather than go on without an answer.
  static func random() -> LeaseID {
    var generator = SystemRandomNumberGenerator()
    return random(using: &generator)
  }

  static func random(using generator: inout some RandomNumberGenerator) -> LeaseID {
    let high = generator.next() & ~0xF000 | 0x4000
    let low = generator.next() & ~(3 << 62) | 2 << 62
    func byte(_ half: UInt64, _ index: UInt64) -> UInt8 { UInt8(truncatingIfNeeded: half >> (56 - 8 * index)) }
    return LeaseID(
      UUID(
        uuid: (
          byte(high, 0), byte(high, 1), byte(high, 2), byte(high, 3), byte(high, 4), byte(high, 5), byte(high, 6),
          byte(high, 7), byte(low, 0), byte(low, 1), byte(low, 2), byte(low, 3), byte(low, 4), byte(low, 5),
          byte(low, 6), byte(low, 7)
        )))
  }

  /// What stands in its place for those who may read about a lease but not act under it (RFC 9562, section 5.9).
  static let withheld = LeaseID(UUID(uuid: (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)))
}

extension AttemptSnapshot {
  /// As somebody with this role may see it: the id of a lease that is in force is the key to the job, and nobody's who
  /// only submits. Once the attempt has ended, the id opens nothing.
  func shown(to role: Access.Role) -> AttemptSnapshot {
    guard role != .admin, outcome == nil else { return self }
    var shown = self
    shown.leaseID = .withheld
    return shown
  }
}
