#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Decides which job's program each process comes from.
///
/// A process below a program's leader is that program's, whatever it has made of itself. One whose parent has ended is
/// an orphan: where the worker adopts orphans it is the worker's child then, as the leaders are, and is known by what
/// it has from the program: that it was seen below it, the mark that all of a program's processes inherit, its session,
/// its environment. One that shows nothing of all this is nobody's only when every program that can have started it has
/// ended: the end of one job must not end a process of another.
struct ProcessOwnership {
  struct Program: Sendable {
    let number: UInt32
    let lease: String
    /// Just before its leader was started, in ticks since the start of the machine.
    let registeredAt: UInt64
    /// Nil until it is known that it has been started.
    var leader: pid_t?
    /// Its processes at the last look, without the leader.
    var members: Set<ProcessIdentity> = []
  }

  enum Owner: Sendable, Equatable {
    case program(UInt32)
    /// Of a program that has ended.
    case nobody
    /// One of the programs that run may have started it, or one that has ended.
    case unclear
    /// Too young: it may be a leader that has not been told of.
    case young
    /// No job's.
    case foreign
  }

  /// How a process that the worker has adopted shows where it comes from.
  struct Traces: Sendable {
    /// The number that its program's processes inherit.
    var number: UInt32?
    /// The lease in its environment.
    var lease: String?
  }

  /// The programs that were known before the processes were read, whether or not they have ended since.
  var programs: [Program]
  /// Programs from this number on are not among ``programs`` because they came later.
  var nextNumber: UInt32
  /// The time before the processes were read.
  var lookedAt: UInt64
  /// This process.
  var worker: pid_t
  /// How orphans are adopted; nil when they are not.
  var adoption: OrphanAdoption?

  /// The owner of each process; those that have nothing to do with the worker are not among them, and nor are the
  /// leaders.
  func owners(
    of entries: [ProcessEntry], traces: (ProcessEntry) -> Traces
  ) -> [ProcessIdentity: Owner] {
    let byNumber = Dictionary(entries.map { ($0.pid, $0) }) { $1 }
    let leaders = Dictionary(programs.compactMap { program in program.leader.map { ($0, program.number) } }) { $1 }
    var known: [ProcessIdentity: UInt32] = [:]
    for program in programs { for member in program.members { known[member] = program.number } }
    // A session's number is not used again while a process is in it.
    var sessions = leaders
    for entry in entries {
      if let number = known[entry.id], !leaders.keys.contains(entry.session),
        entry.session != byNumber[worker]?.session
      {
        sessions[entry.session] = number
      }
    }

    var owners: [ProcessIdentity: Owner?] = [:]
    func owner(of entry: ProcessEntry) -> Owner? {
      if let decided = owners[entry.id] { return decided }
      // Processes are not all read at once: should they seem to descend from each other, this ends it.
      owners[entry.id] = .some(nil)
      let decision: Owner?
      if entry.pid == worker {
        decision = nil
      } else if let number = leaders[entry.pid] ?? known[entry.id] {
        decision = .program(number)
      } else if adoption?.elders.contains(entry.id) == true {
        decision = .foreign
      } else if entry.parent == worker {
        decision = adoption.map { orphan(entry, traces(entry), sessions, $0) } ?? nil
      } else {
        decision = byNumber[entry.parent].flatMap { owner(of: $0) }
      }
      owners[entry.id] = .some(decision)
      return decision
    }
    for entry in entries { _ = owner(of: entry) }
    return owners.compactMapValues { $0 }.filter { leaders[$0.key.pid] == nil }
  }

  private func orphan(
    _ entry: ProcessEntry, _ traces: Traces, _ sessions: [pid_t: UInt32], _ adoption: OrphanAdoption
  ) -> Owner {
    if let number = traces.number {
      if number >= nextNumber { return .young }
      guard let program = programs.first(where: { $0.number == number }) else { return .nobody }
      // Until the leader is known, it is the leader.
      return program.leader == nil ? .young : .program(number)
    }
    let isYoung =
      entry.id.startedAt >= lookedAt
      || programs.contains { $0.leader == nil && $0.registeredAt <= entry.id.startedAt }
    if isYoung { return .young }
    if let number = sessions[entry.session] { return .program(number) }
    if let lease = traces.lease {
      return programs.first { $0.lease == lease }.map { .program($0.number) } ?? .nobody
    }
    if adoption.sparesUnmarked { return .foreign }
    return programs.contains { $0.registeredAt <= entry.id.startedAt } ? .unclear : .nobody
  }
}
