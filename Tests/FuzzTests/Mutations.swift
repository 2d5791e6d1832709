import BatonTestSupport

/// How many damaged texts each parser is given, with how many seeds.
let seeds = Array(1...8) as [UInt64]
let cases = 1000

/// Gives each good text to `body`, and then damaged ones. Between any two, whoever else waits for a thread gets one.
func damaged(_ good: [String], seed: UInt64, _ body: ([UInt8]) throws -> Void) async rethrows {
  var mutator = Mutator(random: SeededGenerator(seed: seed))
  let texts = good.map { Array($0.utf8) }
  for text in texts { try body(text) }
  for _ in 0..<cases {
    await Task.yield()
    try body(mutator.mutate(texts))
  }
}

/// The same, for what is read as text: damaged bytes that are none come repaired.
func damagedText(_ good: [String], seed: UInt64, _ body: (String) throws -> Void) async rethrows {
  try await damaged(good, seed: seed) { try body(String(decoding: $0, as: UTF8.self)) }
}
