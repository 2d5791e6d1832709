import ArgumentParser
import BatonShared

extension JobID: ExpressibleByArgument {
  public init?(argument: String) { self.init(argument) }
}

extension JobStatus: ExpressibleByArgument {}
extension Placement: ExpressibleByArgument {}
extension InterruptionBehaviour: ExpressibleByArgument {}
extension CapacityType: ExpressibleByArgument {}
