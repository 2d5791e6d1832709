/// How far the sum has come.
struct SumOfSquares {
  private(set) var next = 1
  private(set) var sum = 0

  init(checkpoint: [UInt8]?) {
    let numbers = String(decoding: checkpoint ?? [], as: UTF8.self).split(separator: " ").compactMap { Int($0) }
    if numbers.count == 2 { (next, sum) = (numbers[0], numbers[1]) }
  }

  var checkpoint: [UInt8] { Array("\(next) \(sum)".utf8) }

  mutating func step() {
    sum += next * next
    next += 1
  }
}
