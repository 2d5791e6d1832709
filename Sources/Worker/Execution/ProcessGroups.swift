import Synchronization

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// The jobs' programs that are alive, each with all that comes from it, so that none outlives its job or the worker.
///
/// On Linux it looks at the table of processes, where ``ProcessOwnership`` tells whose each one is; elsewhere a program
/// is its process group and no more.
final class ProcessGroups: Sendable {
  typealias Program = ProcessOwnership.Program

  private struct State {
    var nextNumber: UInt32 = 1
    var programs: [UInt32: Program] = [:]
    /// Those whose leader has not been waited for, so that its number is still its own.
    var signallable: [UInt32: pid_t] = [:]
    /// Whose mark this process's children get at the moment, and the limit that was there before.
    var marked: (number: UInt32, before: UInt64?)?
  }

  /// How long the processes of a program that has ended may take to end: one that waits for a disk takes no signal.
  private static let patience = Duration.seconds(2)
  /// How often they are looked at before that counts: on a machine that is overloaded one look may take as long.
  private static let leastLooks = 50

  /// Nil when what is orphaned becomes init's.
  private let adoption: OrphanAdoption?
  private let state = Mutex(State())
  /// Held from the marking of this process to the start of the child that inherits it.
  private let spawning = Turnstile()
  /// One look at a time: a number that is reaped may be given to another child at once.
  private let looking = Mutex<Void>(())

  init(adoption: OrphanAdoption? = nil) { self.adoption = adoption }

  /// Whether orphans of the programs become children of this process.
  var adoptsOrphans: Bool { adoption != nil }

  // MARK: The life of a program

  /// Announces a program that is about to be started; the next child of this process is its leader.
  ///
  /// Each call is followed by one of ``forget(_:)``.
  func announce(lease: String) async -> UInt32 {
    if adoption?.marks == true { await spawning.enter() }
    return state.withLock { state in
      let number = state.nextNumber
      state.nextNumber += 1
      #if os(Linux)
        let now = ProcessEntry.now
      #else
        let now: UInt64 = 0
      #endif
      state.programs[number] = Program(number: number, lease: lease, registeredAt: now)
      if adoption?.marks == true { state.marked = (number, ProgramMark.put(number)) }
      return number
    }
  }

  /// The program has been started.
  func insert(_ number: UInt32, leader: pid_t) {
    state.withLock { state in
      state.programs[number]?.leader = leader
      state.signallable[number] = leader
    }
    endSpawning(number)
  }

  /// Nothing is known of the program from now on: its leader has been waited for, or it was never started.
  func forget(_ number: UInt32) {
    state.withLock { state in
      state.programs[number] = nil
      state.signallable[number] = nil
    }
    endSpawning(number)
  }

  private func endSpawning(_ number: UInt32) {
    let hasEnded = state.withLock { state in
      guard let marked = state.marked, marked.number == number else { return false }
      ProgramMark.undo(marked.before)
      state.marked = nil
      return true
    }
    if hasEnded { spawning.leave() }
  }

  // MARK: Ending

  /// Sends SIGTERM to a program's group, having looked at what there is besides.
  func terminate(_ number: UInt32) {
    _ = look()
    signalGroup(of: number, SIGTERM)
  }

  /// Kills a program with everything that comes from it. Does not wait for its end.
  func kill(_ number: UInt32) {
    signalGroup(of: number, SIGKILL)
    _ = look(killing: number)
  }

  /// Ends what a program has left behind; blocks until nothing of it is left. To be called when its leader has ended
  /// but has not been waited for yet.
  /// - Returns: How many processes would not end.
  func endRest(of number: UInt32) -> Int {
    signalGroup(of: number, SIGKILL)
    state.withLock { $0.signallable[number] = nil }
    return repeatedly { look(killing: number).rest }
  }

  /// Ends all programs at once, with everything that comes from them; blocks until nothing is left.
  ///
  /// Meanwhile no other look is made: a job whose program dies of this cannot report it as the program's own end.
  func killAll() {
    looking.withLock { _ in
      for leader in state.withLock({ $0.signallable.values }) { Self.signal(SIGKILL, group: leader) }
      if state.withLock({ $0.nextNumber }) > 1 { _ = repeatedly { lookLocked(killingAll: true).rest } }
    }
  }

  /// Looks at what the programs have started, ends what is left of earlier ones, and reaps what has ended.
  /// - Returns: How many processes of programs that have ended were alive.
  @discardableResult
  func lookAround() -> Int {
    guard state.withLock({ !$0.programs.isEmpty }) || (adoptsOrphans && Self.hasChildren) else { return 0 }
    return look().strays
  }

  private func repeatedly(_ look: () -> Int) -> Int {
    let deadline = ContinuousClock.now + Self.patience
    var pause: UInt32 = 100
    var looks = 0
    while true {
      let left = look()
      looks += 1
      if left == 0 || (looks >= Self.leastLooks && ContinuousClock.now > deadline) { return left }
      usleep(pause)
      pause = min(pause * 2, 20_000)
    }
  }

  /// Signals a program's own group, and nothing that has left it.
  func signalGroup(of number: UInt32, _ signal: Int32) {
    // Under the lock, so that the leader's number cannot become somebody else's in between.
    state.withLock { state in
      if let leader = state.signallable[number] { Self.signal(signal, group: leader) }
    }
  }

  /// Signals every process of a group. Only while its leader has not been reaped: after that the number may be
  /// somebody else's.
  private static func signal(_ signal: Int32, group leader: pid_t) {
    guard leader > 1 else { return }
    #if canImport(Darwin)
      _ = Darwin.kill(-leader, signal)
    #elseif canImport(Musl)
      _ = Musl.kill(-leader, signal)
    #else
      _ = Glibc.kill(-leader, signal)
    #endif
  }

  // MARK: Looking

  /// Looks once at the table of processes.
  ///
  /// - Parameters:
  ///   - ending: Kills what belongs to this program, but for its leader.
  ///   - killingAll: Kills what belongs to any.
  /// - Returns: How many processes there were of what was to be killed, where this process reaps them also those that
  ///   had ended, or ended too young to be told apart; and how many were alive of programs that had ended earlier.
  private func look(killing ending: UInt32? = nil) -> (rest: Int, strays: Int) {
    looking.withLock { _ in lookLocked(killing: ending) }
  }

  private func lookLocked(killing ending: UInt32? = nil, killingAll: Bool = false) -> (rest: Int, strays: Int) {
    #if os(Linux)
      // In this order: whatever is older than this time and is no leader by now never will be one.
      let lookedAt = ProcessEntry.now
      let before = state.withLock { $0 }
      let ownership = ProcessOwnership(
        programs: Array(before.programs.values), nextNumber: before.nextNumber, lookedAt: lookedAt,
        worker: getpid(), adoption: adoption)
      let leader = ending.flatMap { before.programs[$0]?.leader }
      let entries = ProcessEntry.readAll { entry in
        // At once: of a chain of processes that each start the next and end, this one may be gone in a moment.
        guard let ending, adoption?.marks == true, entry.pid != leader, !entry.isZombie else { return }
        let isOrphan = entry.parent == ownership.worker
        if ProgramMark.isOn(entry.pid, ending) || isOrphan && ProgramMark.number(of: entry.pid) == ending {
          entry.id.signal(SIGKILL)
        }
      }
      let owners = ownership.owners(of: entries) { traces(of: $0) }
      remember(entries, owners)
      var (rest, strays) = (0, 0)
      for entry in entries {
        guard let owner = owners[entry.id] else { continue }
        if owner == .nobody {
          if !entry.isZombie, entry.id.signal(SIGKILL) { strays += 1 }
        } else if Self.isToEnd(owner, ending: ending, all: killingAll) {
          if !entry.isZombie { entry.id.signal(SIGKILL) }
          // Where somebody else reaps, one that has ended is done with.
          if !entry.isZombie || adoptsOrphans { rest += 1 }
        } else if owner == .young, killingAll || ending.map({ mayBe($0, entry.pid) }) == true,
          ProcessEntry.read(entry.pid)?.isZombie != false
        {
          // It ended before it could be told whose it was. Of a chain of processes that each start the next it may be
          // the last link, or the one before a link that this look has missed.
          rest += 1
        }
        if entry.isZombie, entry.parent == ownership.worker, owner != .young {
          var status: Int32 = 0
          _ = waitpid(entry.pid, &status, WNOHANG)
        }
      }
      if !adoptsOrphans, let ending, let lease = before.programs[ending]?.lease {
        rest += StrayProcesses.kill(carrying: "BATON_LEASE_ID", value: lease, except: leader)
      }
      return (rest, strays)
    #else
      return (0, 0)
    #endif
  }

  #if os(Linux)
    private static func isToEnd(_ owner: ProcessOwnership.Owner, ending: UInt32?, all: Bool) -> Bool {
      switch owner {
      case .program(let number): all || number == ending
      case .unclear: all
      case .nobody, .young, .foreign: false
      }
    }

    /// Whether a process shows no mark of another program.
    private func mayBe(_ number: UInt32, _ process: pid_t) -> Bool {
      (adoption?.marks == true ? ProgramMark.number(of: process) : nil).map { $0 == number } ?? true
    }

    private func traces(of orphan: ProcessEntry) -> ProcessOwnership.Traces {
      var traces = ProcessOwnership.Traces()
      if adoption?.marks == true { traces.number = ProgramMark.number(of: orphan.pid) }
      if traces.number == nil {
        let prefix = Array("BATON_LEASE_ID=".utf8)
        traces.lease = StrayProcesses.variables(of: orphan.pid).first { $0.starts(with: prefix) }
          .map { String(decoding: $0.dropFirst(prefix.count), as: UTF8.self) }
      }
      return traces
    }

    private func remember(_ entries: [ProcessEntry], _ owners: [ProcessIdentity: ProcessOwnership.Owner]) {
      var members: [UInt32: Set<ProcessIdentity>] = [:]
      for entry in entries where !entry.isZombie {
        if case .program(let number)? = owners[entry.id] { members[number, default: []].insert(entry.id) }
      }
      state.withLock { state in
        for number in state.programs.keys { state.programs[number]?.members = members[number] ?? [] }
      }
    }

    /// Whether this process has any child at all, ended or not.
    private static var hasChildren: Bool {
      var information = siginfo_t()
      return waitid(P_ALL, 0, &information, WEXITED | WNOHANG | WNOWAIT) == 0
    }
  #else
    private static var hasChildren: Bool { false }
  #endif
}
