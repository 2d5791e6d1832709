/// Lets a few fleets run at a time: tests of leases that last two seconds mean little on a machine that is
/// overloaded with fifty processes that all start at once.
actor FleetGate {
  static let shared = FleetGate(places: 4)

  private var places: Int
  private var waiting: [CheckedContinuation<Void, Never>] = []

  init(places: Int) { self.places = places }

  func enter() async {
    if places > 0 {
      places -= 1
    } else {
      await withCheckedContinuation { waiting.append($0) }
    }
  }

  func leave() {
    if waiting.isEmpty { places += 1 } else { waiting.removeFirst().resume() }
  }
}
