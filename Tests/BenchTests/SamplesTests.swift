import BatonJSON
import Testing

@testable import BatonBench

@Suite struct SamplesTests {
  @Test func percentilesAreSamplesAndTheMedianIsInTheMiddle() {
    let samples = Samples((1...100).map(Double.init).shuffled())
    #expect(samples.count == 100)
    #expect(samples.minimum == 1)
    #expect(samples.median == 50.5)
    #expect(samples.percentile(0.9) == 90)
    #expect(samples.percentile(0.99) == 99)
    #expect(samples.percentile(1) == 100)
    #expect(samples.percentile(0) == 1)
    #expect(samples.maximum == 100)
    #expect(Samples([3]).median == 3)
    #expect(Samples([3]).percentile(0.99) == 3)
    #expect(Samples([1, 2, 9]).median == 2)
  }

  @Test func nothingMeasuredIsNoNumber() {
    #expect(Samples([]).median.isNaN)
    let text = String(decoding: Samples([]).json, as: UTF8.self)
    #expect(text.contains(#""median":null"#))
  }

  @Test(arguments: [
    (1234.5678, 1234.6), (0.000123456, 0.00012346), (98765.4321, 98765), (123456.7, 123457), (-1.234567, -1.2346),
    (0, 0),
  ])
  func numbersAreRoundedToFiveDigits(_ value: Double, _ expected: Double) {
    #expect(abs(value.rounded(digits: 5) - expected) < 1e-12)
  }

  @Test func aGoalIsMetOnlyWithinItsBound() {
    #expect(BenchReport.Goal("gap", .below(10), measured: 9.99, unit: "ms").isMet)
    #expect(!BenchReport.Goal("gap", .below(10), measured: 10, unit: "ms").isMet)
    #expect(BenchReport.Goal("ratio", .atLeast(1), measured: 1, unit: "").isMet)
    #expect(!BenchReport.Goal("ratio", .atLeast(1), measured: .nan, unit: "").isMet)
  }
}
