import BatonJSON

/// What a benchmark found.
public struct BenchReport: Sendable {
  /// One figure under one load.
  public struct Measurement: Sendable {
    /// Words with dots, from the general to the particular: `handover.protocol.release_to_start`.
    public var name: String
    /// `connections`, `batch` …
    public var parameters: [(name: String, value: Int)]
    /// `ms`, `jobs/s`, `us/job` …
    public var unit: String
    /// Of all events, or of all rounds.
    public var samples: Samples

    public init(_ name: String, _ parameters: [(name: String, value: Int)] = [], unit: String, _ samples: Samples) {
      self.name = name
      self.parameters = parameters
      self.unit = unit
      self.samples = samples
    }
  }

  /// A figure held against what it ought to be.
  public struct Goal: Sendable, Equatable {
    public enum Bound: Sendable, Equatable {
      case below(Double)
      case atLeast(Double)
    }

    public var what: String
    public var bound: Bound
    public var measured: Double
    public var unit: String

    public init(_ what: String, _ bound: Bound, measured: Double, unit: String) {
      self.what = what
      self.bound = bound
      self.measured = measured
      self.unit = unit
    }

    public var isMet: Bool {
      switch bound {
      case .below(let limit): measured < limit
      case .atLeast(let limit): measured >= limit
      }
    }
  }

  /// What it was measured on: names and values, for people.
  public var setting: [(name: String, value: String)]
  public var measurements: [Measurement] = []
  /// What is worth a curve.
  public var series: [Series] = []
  public var goals: [Goal] = []

  public init(setting: [(name: String, value: String)]) { self.setting = setting }

  /// The first measurement of that name under these parameters.
  public func measurement(_ name: String, _ parameters: [(name: String, value: Int)] = []) -> Measurement? {
    measurements.first { candidate in
      candidate.name == name && candidate.parameters.elementsEqual(parameters) { $0 == $1 }
    }
  }

  public mutating func append(_ other: BenchReport) {
    measurements += other.measurements
    series += other.series
    goals += other.goals
  }
}

extension BenchReport: JSONEncodable {
  public func write(to writer: inout JSONWriter) {
    writer.object { writer in
      writer.field(
        "setting",
        object: { writer in
          for (name, value) in setting { writer.field(name, value) }
        })
      writer.field("measurements", measurements)
      writer.field("series", series)
      writer.field("goals", goals)
    }
  }
}

extension BenchReport.Measurement: JSONEncodable {
  public func write(to writer: inout JSONWriter) {
    writer.object { writer in
      writer.field("name", name)
      writer.field(
        "parameters",
        object: { writer in
          for (name, value) in parameters { writer.field(name, value) }
        })
      writer.field("unit", unit)
      writer.field("samples", samples)
    }
  }
}

extension BenchReport.Goal: JSONEncodable {
  public func write(to writer: inout JSONWriter) {
    writer.object { writer in
      writer.field("what", what)
      switch bound {
      case .below(let limit): writer.field("below", limit)
      case .atLeast(let limit): writer.field("at_least", limit)
      }
      writer.field("measured", measured.rounded(digits: 5))
      writer.field("unit", unit)
      writer.field("met", isMet)
    }
  }
}
