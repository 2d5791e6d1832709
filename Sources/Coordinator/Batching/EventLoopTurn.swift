import NIOCore
import NIOPosix

/// What a batch waits for before it is sent: each event loop's turn to end, so that all requests that have arrived by
/// now are in it.
///
/// There is no timer in this. A loop that has nothing to do answers at once; one that is busy reads dozens of requests in
/// a turn, and a statement for all of them costs the database little more than one for the first.
enum EventLoopTurn {
  static func end() async {
    let turns = MultiThreadedEventLoopGroup.singleton.makeIterator().map { $0.submit {} }
    // Fails when the loops are shut down, which the process's own never are.
    for turn in turns { try? await turn.get() }
  }
}
