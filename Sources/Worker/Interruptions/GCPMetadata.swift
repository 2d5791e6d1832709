import BatonShared
import NIOHTTP1

/// Reads the metadata server of Google Cloud.
struct GCPMetadata: Sendable {
  struct Value: Sendable, Equatable {
    var text: String
    /// Names this state of the value, to wait for another.
    var etag: String?
  }

  static let usualBase = "http://metadata.google.internal"
  private static let flavour = "Metadata-Flavor"

  let http: MetadataHTTP
  /// The address of the service without a path.
  let base: String

  /// Reads a path below `/computeMetadata/v1/`.
  ///
  /// - Parameters:
  ///   - change: The state to see changed before the answer comes; nil for an answer at once.
  ///   - seconds: After which the server answers all the same.
  /// - Returns: Nil where there is nothing (HTTP 404).
  /// - Throws: ``IMDSError``, or `CancellationError`.
  func read(_ path: String, after change: String? = nil, within seconds: Int = 0) async throws -> Value? {
    var url = "\(base)/computeMetadata/v1/\(path)"
    if let change {
      let known = change.utf8.allSatisfy { isPlain($0) } ? change : "0"
      url += "?wait_for_change=true&timeout_sec=\(seconds)&last_etag=\(known)"
    }
    let answer = try await http.get(
      url, header: (Self.flavour, "Google"), timeout: change == nil ? nil : Double(seconds) + http.timeout + 5)
    // A captive portal, or whoever else answers to that name, does not say so.
    guard answer.headers.first(name: Self.flavour) == "Google" else { throw IMDSError.unreachable }
    let text = try answer.text()
    return text.map { Value(text: $0, etag: answer.headers.first(name: "ETag")) }
  }

  private func isPlain(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
      UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
      true
    default: false
    }
  }

  /// What the instance is.
  /// - Throws: ``IMDSError`` when the server cannot be read at all; single values may be absent.
  func identity() async throws -> InstanceIdentity {
    let preemptible = try await read("instance/scheduling/preemptible")?.text
    let model = try? await read("instance/scheduling/provisioning-model")?.text
    return InstanceIdentity(
      instanceID: try await read("instance/id")?.text,
      instanceType: Self.lastPart(try await read("instance/machine-type")?.text),
      availabilityZone: Self.lastPart(try await read("instance/zone")?.text),
      capacityType: Self.capacityType(preemptible: preemptible, model: model), provider: "gcp")
  }

  static func capacityType(preemptible: String?, model: String?) -> CapacityType {
    switch (preemptible?.uppercased(), model?.uppercased()) {
    case ("TRUE", _), (_, "SPOT"), (_, "PREEMPTIBLE"): .spot
    case ("FALSE", _), (_, "STANDARD"): .onDemand
    default: .unknown
    }
  }

  /// `n2-standard-4` of `projects/1/machineTypes/n2-standard-4`.
  static func lastPart(_ text: String?) -> String? {
    text?.split(separator: "/").last.map(String.init)
  }
}
