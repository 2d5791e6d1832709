import BatonMetadataDouble

/// The same numbers each time, for a seed and a purpose.
///
/// Each purpose has a sequence of its own, so that one part of a drill drawing more numbers changes nothing for another.
struct SeededNumbers: RandomNumberGenerator, Sendable {
  private var generator: SeededGenerator

  init(seed: UInt64, _ purpose: String, _ indices: Int...) {
    // FNV-1a over whatever tells this sequence from others.
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    func mix(_ byte: UInt8) { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    for byte in purpose.utf8 { mix(byte) }
    for number in [seed] + indices.map({ UInt64(bitPattern: Int64($0)) }) {
      for shift in stride(from: UInt64(0), to: 64, by: 8) { mix(UInt8(truncatingIfNeeded: number >> shift)) }
    }
    generator = SeededGenerator(seed: hash)
  }

  mutating func next() -> UInt64 { generator.next() }

  /// From 0 up to 1. (The standard library's way of drawing numbers may change from one version to the next.)
  mutating func unit() -> Double { Double(next() >> 11) * 0x1p-53 }

  mutating func uniform(_ range: ClosedRange<Double>) -> Double {
    range.lowerBound + unit() * (range.upperBound - range.lowerBound)
  }

  /// As many numbers from 3 to 6 as from 60 to 120.
  mutating func logarithmic(_ range: ClosedRange<Double>) -> Double {
    range.lowerBound * Self.power(range.upperBound / range.lowerBound, unit())
  }

  /// One of `choices`, each as often as its weight says.
  mutating func pick<Choice>(_ choices: [(weight: Int, choice: Choice)]) -> Choice {
    var left = Int(unit() * Double(choices.reduce(0) { $0 + $1.weight }))
    for (weight, choice) in choices {
      left -= weight
      if left < 0 { return choice }
    }
    return choices[choices.count - 1].choice
  }
}
