import Logging
import NIOCore
import NIOPosix
import Subprocess

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A program in a session of its own, with everything it starts: when it has ended, all of it has.
struct ChildProcess: Sendable {
  enum Ending: Sendable, Equatable {
    case exited(Int32)
    case signalled(Int32)
  }

  struct Outcome: Sendable, Equatable {
    let ending: Ending
    /// What the program's first process has computed; known only of one under limits.
    var processorSeconds = 0.0
  }

  /// How long output is waited for after the program's end: who still holds the pipe then is none of ours.
  private static let outputPatience = Duration.milliseconds(500)

  let path: String
  let command: [String]
  /// The whole environment.
  let environment: [String: String]
  let directory: String?
  /// Standard input is this file: no program can leave a writer waiting by not reading.
  let input: ExchangedFile
  let conditions: ExecConditions
  /// By which processes that belong to it are known, in its environment.
  let lease: String
  let groups: ProcessGroups
  let logger: Logger

  /// Runs the program to its end.
  ///
  /// - Parameters:
  ///   - output: Gets what it writes, standard output and error as one; the program waits while this does.
  ///   - control: Runs while the program does, and is cancelled at its end; signals the program of this number among
  ///     the ``groups``.
  /// - Throws: What keeps it from being started.
  func run(
    output: @escaping @Sendable (ByteBuffer) async -> Void,
    control: @escaping @Sendable (_ program: UInt32) async -> Void
  ) async throws -> Outcome {
    guard let input = try self.input.open()?.descriptor else { throw SystemFailure(action: "open its input") }
    let pipe: (reading: CInt, writing: CInt)
    let channel: NIOAsyncChannel<ByteBuffer, Never>
    do {
      pipe = try makePipe()
      do {
        channel = try await Self.channel(reading: pipe.reading)
      } catch {
        close(pipe.reading)
        close(pipe.writing)
        throw error
      }
    } catch {
      close(input)
      throw error
    }
    return try await withThrowingTaskGroup(of: Outcome?.self) { group in
      group.addTask {
        // Ends when every holder of the other end has closed it, or by cancellation.
        try? await channel.executeThenClose { inbound in
          for try await buffer in inbound { await output(buffer) }
        }
        return nil
      }
      let outcome = try await run(input: input, output: pipe.writing, control: control)
      group.addTask {
        try? await Task.sleep(for: Self.outputPatience)
        return nil
      }
      _ = try await group.next()
      group.cancelAll()
      return outcome
    }
  }

  /// Closes both descriptors.
  private func run(
    input: CInt, output: CInt, control: @escaping @Sendable (_ program: UInt32) async -> Void
  ) async throws -> Outcome {
    let program = await groups.announce(lease: lease)
    defer { groups.forget(program) }
    #if os(Linux)
      if !conditions.isOrdinary {
        return try await runRestricted(program, input: input, output: output, control: control)
      }
    #endif
    return try await runOrdinary(program, input: input, output: output, control: control)
  }

  private func runOrdinary(
    _ program: UInt32, input: CInt, output: CInt, control: @escaping @Sendable (_ program: UInt32) async -> Void
  ) async throws -> Outcome {
    var options = PlatformOptions()
    options.createSession = true
    // Only for when this task is cancelled: a worker whose time is up leaves nothing running.
    options.teardownSequence = [.send(signal: .kill, toProcessGroup: true, allowedDurationToNextStep: .seconds(1))]
    let variables = Dictionary(uniqueKeysWithValues: environment.map { (Environment.Key(stringLiteral: $0), $1) })
    let result = try await Subprocess.run(
      .path(.init(path)),
      arguments: Arguments(executablePathOverride: command.first, remainingValues: Array(command.dropFirst())),
      environment: .custom(variables), workingDirectory: directory.map { .init($0) }, platformOptions: options,
      input: .fileDescriptor(.init(rawValue: input), closeAfterSpawningProcess: true),
      output: .fileDescriptor(.init(rawValue: output), closeAfterSpawningProcess: true),
      error: .combinedWithOutput
    ) { [self] execution in
      groups.insert(program, leader: execution.processIdentifier.value)
      await accompany(program, control: control) { await ProgramEnd.wait(for: execution) }
    }
    switch result.terminationStatus {
    case .exited(let status): return Outcome(ending: .exited(status))
    case .signaled(let signal): return Outcome(ending: .signalled(signal))
    }
  }

  #if os(Linux)
    private func runRestricted(
      _ program: UInt32, input: CInt, output: CInt, control: @escaping @Sendable (_ program: UInt32) async -> Void
    ) async throws -> Outcome {
      let leader: pid_t
      do {
        defer {
          close(input)
          close(output)
        }
        leader = try ProgramStart(
          path: path, command: command, environment: environment, directory: directory, input: input, output: output,
          conditions: conditions
        ).run()
      }
      groups.insert(program, leader: leader)
      await withTaskCancellationHandler {
        await accompany(program, control: control) { await ProgramEnd.wait(forChild: leader) }
      } onCancel: {
        groups.signalGroup(of: program, SIGKILL)
      }
      // Asked before it is reaped; afterwards the system tells only what it and its children have computed together.
      let ticks = ProcessEntry.read(leader)?.processorTicks ?? 0
      var status: Int32 = 0
      while waitpid(leader, &status, 0) < 0, errno == EINTR {}
      let signal = status & 0x7F
      return Outcome(
        ending: signal == 0 ? .exited(status >> 8 & 0xFF) : .signalled(signal),
        processorSeconds: Double(ticks) / Double(ProcessEntry.ticksPerSecond))
    }
  #endif

  /// Runs `control` until the program has ended, then ends what the program has left behind.
  private func accompany(
    _ program: UInt32, control: @escaping @Sendable (_ program: UInt32) async -> Void, end: () async -> Void
  ) async {
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await control(program) }
      await end()
      group.cancelAll()
    }
    // The program has ended but is not yet reaped, so its number is still its own: end what it left behind.
    let left = groups.endRest(of: program)
    if left > 0 {
      logger.warning("processes of a program do not end although they were killed", metadata: ["count": "\(left)"])
    }
  }

  private static func channel(reading descriptor: CInt) async throws -> NIOAsyncChannel<ByteBuffer, Never> {
    try await NIOPipeBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .takingOwnershipOfDescriptor(input: descriptor) { channel in
        channel.eventLoop.makeCompletedFuture {
          try NIOAsyncChannel<ByteBuffer, Never>(wrappingChannelSynchronously: channel)
        }
      }
  }

  private func makePipe() throws -> (reading: CInt, writing: CInt) {
    var ends: [CInt] = [-1, -1]
    guard pipe(&ends) == 0 else { throw SystemFailure(action: "make a pipe") }
    // Another program started at this moment does not inherit them either: all but its own descriptors are closed.
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    // Many programs open `/dev/stderr` anew, and only a pipe's owner may.
    if let user = conditions.user { _ = fchown(ends[1], user.userID, user.groupID) }
    return (ends[0], ends[1])
  }
}

/// A system call that failed, with what the system says.
struct SystemFailure: Error, Sendable, CustomStringConvertible {
  let description: String

  init(action: String, code: Int32 = errno) {
    description = "cannot \(action): \(String(cString: strerror(code)))"
  }
}
