import BatonJSON

/// A figure that changes with something: with the time that has passed, or with the number of jobs.
public struct Series: Sendable, Equatable {
  public struct Point: Sendable, Equatable {
    public var at: Double
    public var value: Double

    public init(at: Double, value: Double) {
      self.at = at
      self.value = value
    }
  }

  /// Words with dots, as those of measurements.
  public var name: String
  public var parameters: [(name: String, value: Int)]
  /// Of `at`: `s`, `jobs`.
  public var over: String
  /// Of the values.
  public var unit: String
  public var points: [Point]

  public init(
    _ name: String, _ parameters: [(name: String, value: Int)] = [], over: String, unit: String, _ points: [Point]
  ) {
    self.name = name
    self.parameters = parameters
    self.over = over
    self.unit = unit
    self.points = points
  }

  public static func == (one: Series, other: Series) -> Bool {
    one.name == other.name && one.parameters.elementsEqual(other.parameters) { $0 == $1 } && one.over == other.over
      && one.unit == other.unit && one.points == other.points
  }

  /// Whether it went on growing: the largest value after `moment`, of the largest until then. NaN where there is none
  /// on either side.
  func growth(after moment: Double) -> Double {
    let before = points.filter { $0.at <= moment }.map(\.value).max() ?? .nan
    let after = points.filter { $0.at > moment }.map(\.value).max() ?? .nan
    return before > 0 ? after / before : .nan
  }
}

extension Series: JSONEncodable {
  public func write(to writer: inout JSONWriter) {
    writer.object { writer in
      writer.field("name", name)
      writer.field(
        "parameters",
        object: { writer in
          for (name, value) in parameters { writer.field(name, value) }
        })
      writer.field("over", over)
      writer.field("unit", unit)
      writer.key("points")
      writer.array { writer in
        for point in points {
          writer.array { writer in
            writer.value(point.at.rounded(digits: 8))
            writer.value(point.value.rounded(digits: 5))
          }
        }
      }
    }
  }
}
