import BatonShared

/// What the instance is, as the metadata tells.
struct InstanceIdentity: Sendable, Equatable {
  var instanceID: String?
  var instanceType: String?
  var availabilityZone: String?
  var capacityType: CapacityType
  /// `aws`, `gcp` or `azure`.
  var provider: String

  /// - Throws: ``IMDSError`` when the service cannot be read at all; single values may be absent.
  static func ofEC2(_ imds: IMDSClient) async throws -> InstanceIdentity {
    let lifeCycle = try await imds.read("instance-life-cycle")
    let capacityType: CapacityType =
      switch lifeCycle {
      case "spot": .spot
      case "on-demand": .onDemand
      default: .unknown
      }
    return InstanceIdentity(
      instanceID: try await imds.read("instance-id"), instanceType: try await imds.read("instance-type"),
      availabilityZone: try await imds.read("placement/availability-zone"), capacityType: capacityType,
      provider: "aws")
  }
}
