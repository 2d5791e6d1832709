import BatonJSON
import Logging
import NIOCore
import ServiceLifecycle

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif
#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// The kind `exec`: any program, with files for its checkpoint, progress and result.
struct ExecHandler: SelfStoppingHandler {
  /// "I saved my checkpoint, run me again": EX_TEMPFAIL of `sysexits.h`.
  private static let tryAgain: Int32 = 75
  /// A checkpoint or a result of no more bytes is not counted.
  private static let smallFile = 1 << 20
  /// How often the program's files are looked at.
  private static let lookEvery = Duration.milliseconds(500)

  let kind = "exec"
  let allowance: ExecAllowance
  /// Where the jobs' folders are made.
  let scratchParent: String
  /// The worker's own environment, of which programs inherit what the ``conditions`` let pass.
  let environment: [String: String]
  let conditions: ExecConditions
  let groups: ProcessGroups
  /// Names this process to the programs' environment.
  let mark: WorkerMark?
  /// For the checkpoints and results of all jobs.
  let room: TransferRoom
  /// How long the removal of a job's folder may keep its outcome from being reported.
  var removalTime = Duration.milliseconds(250)

  /// What goes on beside the jobs as long as the worker does.
  func housekeeping(logger: Logger) -> [any Service] {
    if conditions.user == nil, geteuid() == 0 {
      logger.warning("programs of jobs run as root, as this worker does; EXEC_USER names another user for them")
    }
    var services: [any Service] = [
      OrphanReaper(groups: groups, logger: logger),
      LeftoverFolders(parent: scratchParent, user: conditions.user, logger: logger),
    ]
    if let mark { services.append(OrphanSweeper(own: mark, logger: logger)) }
    return services
  }

  func run(_ job: JobContext) async throws -> RawJSON? {
    let payload = try ExecPayload(job.payload)
    let program = payload.command[0]
    guard allowance.allows(program) else {
      throw JobFailed(
        code: "not_allowed", message: "'\(program)' is not among the programs that EXEC_ALLOW names", retryable: false)
    }
    if let directory = payload.directory, !Self.isFolder(directory) {
      throw BuiltinPayload.invalid("payload.cwd", "a folder that exists on the worker")
    }
    let searchPath = environment["PATH"] ?? "/usr/local/bin:/usr/bin:/bin"
    guard let path = ProgramSearch.path(of: program, in: payload.directory, searchPath: searchPath) else {
      throw JobFailed(
        code: "command_not_found", message: "this worker has no program '\(program)'", retryable: false)
    }
    let scratch = try ScratchFolder(under: scratchParent, named: job.leaseID, for: conditions.user)
    defer { remove(scratch, job.logger) }
    try scratch.write((payload.input ?? .null).bytes, to: .input)
    try await restoreCheckpoint(of: job, to: scratch)
    try scratch.handOver()

    let child = ChildProcess(
      path: path, command: payload.command, environment: variables(payload, job, scratch),
      directory: payload.directory, input: scratch.file(.input), conditions: conditions, lease: job.leaseID,
      groups: groups, logger: job.logger)
    let files = ExecFiles(job: job, scratch: scratch, room: room)
    let tail = OutputTail()
    let isTerminated = Watched(false)
    let outcome: ChildProcess.Outcome
    do {
      outcome = try await child.run { buffer in
        let bytes = Array(buffer: buffer)
        tail.append(bytes)
        job.log.append(bytes)
        await job.log.waitForRoom()
      } control: { [groups] program in
        await withTaskGroup(of: Void.self) { group in
          group.addTask { await files.watch(every: Self.lookEvery) }
          group.addTask {
            await Self.stop(program, of: groups, when: job.run) { isTerminated.update { $0 = true } }
          }
        }
      }
    } catch {
      throw JobFailed(code: "spawn_failed", message: "cannot start '\(program)': \(error)")
    }
    let wasTerminated = isTerminated.value
    let hasFinished = outcome.ending == .exited(0) && job.run.state.value.halt == nil
    await files.takeLast(writer: Self.wasKilled(outcome.ending) ? .killed : .byItself, withCheckpoint: !hasFinished)
    return try await conclude(outcome, wasTerminated: wasTerminated, tail: tail) {
      try await result(of: job, in: scratch)
    }
  }

  // MARK: Stopping

  /// Ends the program when the job is to end: SIGTERM to its group, and SIGKILL to all that comes from it when time is
  /// up.
  private static func stop(
    _ program: UInt32, of groups: ProcessGroups, when run: LeaseRun, onTerminate: @Sendable () -> Void
  ) async {
    guard let told = try? await run.state.first(where: { $0.interruption != nil || $0.halt != nil }) else { return }
    onTerminate()
    var state = told
    if let halt = state.halt, halt.grace(ttl: run.grant.leaseTTLSeconds) <= 0 {
      return groups.kill(program)
    }
    groups.terminate(program)
    if state.halt == nil {
      // Interrupted: it may take until the runner halts it, which it does when the time comes.
      guard let halted = try? await run.state.first(where: { $0.halt != nil }) else { return }
      state = halted
    }
    let grace = state.halt?.grace(ttl: run.grant.leaseTTLSeconds) ?? 0
    // A lease that turns out to be lost meanwhile leaves no time at all.
    _ = await run.state.first(before: .now + .seconds(grace)) { $0.halt == .lost }
    if Task.isCancelled { return }
    groups.kill(program)
  }

  private static func wasKilled(_ ending: ChildProcess.Ending) -> Bool {
    if case .signalled = ending { true } else { false }
  }

  // MARK: Outcome

  private func conclude(
    _ outcome: ChildProcess.Outcome, wasTerminated: Bool, tail: OutputTail, result: () async throws -> RawJSON?
  ) async throws -> RawJSON? {
    switch outcome.ending {
    case .exited(0):
      return try await result()
    case .exited(Self.tryAgain) where wasTerminated, .signalled(SIGTERM) where wasTerminated,
      .signalled(SIGKILL) where wasTerminated, .exited(128 + SIGTERM) where wasTerminated:
      // The last is how shells and virtual machines say that they ended because of a SIGTERM.
      throw JobInterrupted()
    case .exited(let status):
      throw failure("exit status \(status)", outcome, tail)
    case .signalled(let signal):
      throw failure("killed by signal \(signal)", outcome, tail)
    }
  }

  private func failure(_ what: String, _ outcome: ChildProcess.Outcome, _ tail: OutputTail) -> JobFailed {
    let reached = conditions.limits.reached(outcome)
    let (lines, what) = (tail.text, reached.map { "the worker's limit \($0) was reached: \(what)" } ?? what)
    return JobFailed(
      code: reached == nil ? "exit_status" : "limit_exceeded",
      message: lines.isEmpty ? what : "\(what); its last output:\n\(lines)")
  }

  /// Takes room from the asking until it is written down.
  private func restoreCheckpoint(of job: JobContext, to scratch: ScratchFolder) async throws {
    let bytes = job.run.grant.checkpoint?.sizeBytes ?? 0
    let isLarge = bytes > Self.smallFile
    if isLarge {
      guard await room.enter(bytes, before: { job.run.state.value.reportUntil }) else {
        try Task.checkCancellation()
        throw CoordinatorError.unreachable("the checkpoint has to wait for others that are on their way")
      }
    }
    defer { if isLarge { room.leave(bytes) } }
    if let checkpoint = try await job.checkpoint() { try scratch.write(checkpoint, to: .checkpoint) }
  }

  /// A large result takes room from its reading until the coordinator has it.
  private func result(of job: JobContext, in scratch: ScratchFolder) async throws -> RawJSON? {
    let (run, room) = (job.run, room)
    var held = 0
    do {
      let result = try await scratch.result { bytes throws(CoordinatorError) in
        guard bytes > Self.smallFile else { return }
        guard await room.enter(bytes, before: { run.state.value.reportUntil }) else {
          throw .unreachable("the result has to wait for others that are on their way")
        }
        held = bytes
      }
      if held > 0 {
        Task { [held] in
          _ = try? await run.state.first { $0.phase == .gone }
          room.leave(held)
        }
      }
      return result
    } catch {
      if held > 0 { room.leave(held) }
      throw error
    }
  }

  private func remove(_ scratch: ScratchFolder, _ logger: Logger) {
    guard case .cutShort(let removed) = scratch.remove(within: removalTime) else { return }
    logger.warning(
      "the job's folder is too much to be emptied at once; the rest is removed later",
      metadata: ["removed": "\(removed)"])
  }

  // MARK: Environment

  private func variables(_ payload: ExecPayload, _ job: JobContext, _ scratch: ScratchFolder) -> [String: String] {
    var variables = conditions.variables.filter(environment)
    if let user = conditions.user {
      variables["HOME"] = user.home
      (variables["USER"], variables["LOGNAME"]) = (user.name, user.name)
    }
    variables.merge(payload.environment) { $1 }
    variables[WorkerMark.variable] = mark?.text
    variables.merge([
      "BATON_JOB_ID": job.jobID,
      "BATON_ATTEMPT": String(job.attempt),
      "BATON_LEASE_ID": job.leaseID,
      "BATON_CHECKPOINT_FILE": scratch.path(of: .checkpoint),
      "BATON_PROGRESS_FILE": scratch.path(of: .progress),
      "BATON_RESULT_FILE": scratch.path(of: .result),
    ]) { $1 }
    return variables
  }

  private static func isFolder(_ path: String) -> Bool {
    var isFolder = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && isFolder
  }
}
