import Testing

@testable import BatonDrill

@Suite struct FaultCatalogueTests {
  @Test func everyFaultHasANameOfItsOwn() {
    let names = Faults.all.map(\.name)
    #expect(Set(names).count == names.count)
    #expect(names.allSatisfy { $0.allSatisfy { $0.isLowercase || $0 == "-" } })
    #expect(names.allSatisfy { Faults.named($0)?.name == $0 })
  }

  @Test func theShortDrillIsMadeOfKnownFaults() {
    #expect(FaultDrill.short.allSatisfy { Faults.named($0) != nil })
  }
}
