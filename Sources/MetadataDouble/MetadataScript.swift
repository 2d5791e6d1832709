import BatonJSON

/// The cloud whose metadata service is played.
public enum MetadataProvider: String, Sendable, CaseIterable {
  case aws
  case gcp
  case azure
}

/// What the double says and how it misbehaves. Everything can be changed while it runs.
public struct MetadataScript: Sendable {
  /// When an interruption is, and what is said of it.
  public struct Notice: Sendable, Equatable {
    /// `terminate`, `stop` or `hibernate` (EC2); `Preempt`, `Terminate`, `Reboot`, `Redeploy` or `Freeze` (Azure).
    public var action: String
    /// How long after it is set the notice is there, in seconds.
    public var after: Double
    /// How much warning it gives when it appears, in seconds.
    public var seconds: Double
    /// Whether its time is worked out anew at each request, so that it never comes nearer: some doubles do so, the
    /// real service does not.
    public var isMoving: Bool

    public init(action: String = "terminate", after: Double = 0, seconds: Double = 120, isMoving: Bool = false) {
      self.action = action
      self.after = after
      self.seconds = seconds
      self.isMoving = isMoving
    }
  }

  /// Which versions of EC2's protocol are answered.
  public enum Versions: String, Sendable, CaseIterable {
    /// Reads need a token.
    case v2
    /// There is no path for tokens.
    case v1
    /// Reads are answered with a good token or without any.
    case both
  }

  public var provider: MetadataProvider
  /// What is there, by its path: below `/latest/meta-data/` (EC2) or `/computeMetadata/v1/` (Google Cloud). It wins over
  /// what the script says in other ways.
  public var values: [String: String]
  /// The notice of an interruption.
  public var notice: Notice?
  /// Whether rebalancing is recommended (EC2).
  public var rebalance = false
  /// The state that the Auto Scaling group wants (EC2); nil for an instance in no group.
  public var lifecycleState: String?
  /// Planned maintenance: `instance-reboot`, `instance-stop`, `instance-retirement` … and the seconds until then (EC2).
  public var maintenance: Notice?

  // MARK: How it misbehaves

  public var versions = Versions.v2
  /// The longest life of a token, in seconds, whatever is asked for.
  public var maximumTokenLife = 21_600
  /// How long a token takes to be answered, in seconds.
  public var tokenDelay = 0.0
  /// What is answered instead of a token.
  public var tokenStatus: Int?
  /// The next reads are answered with these statuses.
  public var failures: [Int] = []
  /// Which part of the reads is answered 503, at random, from 0 to 1.
  public var failureRate = 0.0
  /// More requests than this in a second are answered 503; nil for no limit.
  public var requestsPerSecond: Int?

  public init(provider: MetadataProvider = .aws) {
    self.provider = provider
    values =
      switch provider {
      case .aws:
        [
          "instance-id": "i-0123456789abcdef0", "instance-type": "m7g.large", "instance-life-cycle": "spot",
          "placement/availability-zone": "eu-central-1b", "placement/region": "eu-central-1",
        ]
      case .gcp:
        [
          "instance/id": "4567890123456789012", "instance/machine-type": "projects/1/machineTypes/n2-standard-4",
          "instance/zone": "projects/1/zones/europe-west3-b", "instance/scheduling/preemptible": "TRUE",
          "instance/maintenance-event": "NONE",
        ]
      case .azure:
        [
          "name": "worker_3", "vmId": "02aab8a4-74ef-476e-8182-f6d2ba4166a6", "vmSize": "Standard_D4s_v5",
          "location": "westeurope", "zone": "2", "priority": "Spot",
        ]
      }
  }
}
