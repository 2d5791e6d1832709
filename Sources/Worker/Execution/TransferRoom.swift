/// Bounds what the worker holds in memory of what programs have written: checkpoints and large results on their way.
///
/// Who comes first is let in first. One that is larger than all the room is let in alone.
final class TransferRoom: Sendable {
  struct State: Sendable {
    fileprivate var used = 0
    fileprivate var nextTicket = 0
    /// Those who wait, the longest waiting first.
    fileprivate(set) var line: [Int] = []
  }

  /// In bytes.
  private let limit: Int
  let state = Watched(State())

  init(_ limit: Int) { self.limit = limit }

  /// Waits for room.
  ///
  /// - Parameter deadline: Asked again when it has come: a lease that is renewed meanwhile puts it off.
  /// - Returns: Whether there is now; each time it is, ``leave(_:)`` is to follow. False when the deadline came first or
  ///   the task was cancelled.
  func enter(_ bytes: Int, before deadline: () -> ContinuousClock.Instant) async -> Bool {
    let ticket = state.update { state in
      state.nextTicket += 1
      state.line.append(state.nextTicket)
      return state.nextTicket
    }
    var found: State?
    repeat {
      found = await state.first(before: deadline()) { [limit] state in
        state.line.first == ticket && (state.used == 0 || state.used + bytes <= limit)
      }
    } while found == nil && !Task.isCancelled && deadline() > .now
    let isIn = found != nil
    return state.update { state in
      state.line.removeAll { $0 == ticket }
      // Nobody else could enter meanwhile: only the first in the line may.
      if isIn { state.used += bytes }
      return isIn
    }
  }

  func leave(_ bytes: Int) {
    state.update { $0.used -= bytes }
  }
}
