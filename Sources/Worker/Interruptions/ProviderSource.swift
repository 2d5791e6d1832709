import AsyncHTTPClient
import BatonShared
import Logging

/// The cloud that the machine runs in.
public enum SpotProvider: String, Sendable, CaseIterable {
  /// Whichever answers.
  case auto
  case aws
  case gcp
  case azure
  /// None: nothing is watched.
  case none
}

/// Finds out in which cloud the machine runs, and watches as is done there.
///
/// It looks beside the work: a worker starts and leases jobs without waiting for it.
struct ProviderSource: InterruptionSource {
  /// How long one cloud's probe may take, in seconds.
  private static let probeTimeout = 1.0
  /// How long a request to the cloud that was found may take, in seconds.
  private static let requestTimeout = 1.5
  private static let ec2Base = "http://169.254.169.254"

  let provider: SpotProvider
  /// Instead of the usual address of the service; with it and without a provider, it is EC2's.
  let address: String?
  let client: HTTPClient
  /// How often to look for notices, in seconds.
  let pollInterval: Double
  let drain: DrainController
  let onIdentity: @Sendable (InstanceIdentity) async -> Void
  let reporter: AvailabilityReporter

  func watch() async {
    var availability = NoticeAvailability()
    var backoff = Backoff(base: 5, limit: 300)
    while !Task.isCancelled {
      if let found = await find() {
        if provider == .auto { reporter.logger.info("the cloud is found", metadata: ["provider": "\(found.rawValue)"]) }
        await source(for: found)?.watch()
        return
      }
      if Task.isCancelled { return }
      reporter.note(availability.failed(.unreachable))
      try? await Task.sleep(for: backoff.next())
    }
  }

  /// - Returns: Nil when none answers.
  private func find() async -> SpotProvider? {
    guard provider == .auto else { return provider }
    if address != nil { return .aws }
    let http = MetadataHTTP(client: client, timeout: Self.probeTimeout)
    let imds = IMDSClient(client: client, base: Self.ec2Base, timeout: Self.probeTimeout)
    return await withTaskGroup(of: SpotProvider?.self) { group in
      group.addTask {
        let id = try? await imds.read("instance-id")
        return id?.isEmpty == false ? .aws : nil
      }
      group.addTask {
        let value = try? await GCPMetadata(http: http, base: GCPMetadata.usualBase).read("instance/id")
        return value?.text.isEmpty == false ? .gcp : nil
      }
      group.addTask {
        let instance = try? await AzureSource.instance(http, AzureSource.usualBase)
        return instance == nil ? nil : .azure
      }
      defer { group.cancelAll() }
      for await found in group {
        if let found { return found }
      }
      return nil
    }
  }

  private func source(for provider: SpotProvider) -> (any InterruptionSource)? {
    let base = address.map(MetadataHTTP.base(of:))
    let http = MetadataHTTP(client: client, timeout: Self.requestTimeout)
    switch provider {
    case .aws:
      return EC2Source(
        imds: IMDSClient(client: client, base: base ?? Self.ec2Base, timeout: Self.requestTimeout),
        pollInterval: pollInterval, drain: drain, onIdentity: onIdentity, reporter: reporter)
    case .gcp:
      return GCPSource(
        metadata: GCPMetadata(http: http, base: base ?? GCPMetadata.usualBase), pollInterval: pollInterval,
        drain: drain, onIdentity: onIdentity, reporter: reporter)
    case .azure:
      return AzureSource(
        http: http, base: base ?? AzureSource.usualBase, pollInterval: pollInterval, drain: drain,
        onIdentity: onIdentity, reporter: reporter)
    case .auto, .none:
      return nil
    }
  }
}
