import BatonLocalPostgres
import Synchronization

/// Ports for programs that are to keep theirs over a restart, each given out once.
enum FreePorts {
  private static let last = Mutex(Int.random(in: LoopbackPorts.stable))

  static func next() -> Int {
    last.withLock { last in
      let range = LoopbackPorts.stable
      repeat {
        last = last + 1 < range.upperBound ? last + 1 : range.lowerBound
      } while !LoopbackPorts.isFree(last)
      return last
    }
  }
}
