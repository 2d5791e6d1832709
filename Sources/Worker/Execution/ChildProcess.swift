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

  /// How long output is waited for after the program's end: who still holds the pipe then is none of ours.
  private static let outputPatience = Duration.milliseconds(500)

  let path: String
  let command: [String]
  /// The whole environment.
  let environment: [String: String]
  let directory: String?
  /// Standard input is this file: no program can leave a writer waiting by not reading.
  let inputFile: String
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
  ) async throws -> Ending {
    let input = open(inputFile, O_RDONLY | O_CLOEXEC)
    guard input >= 0 else { throw SystemFailure(action: "open \(inputFile)") }
    let pipe: (reading: CInt, writing: CInt)
    let channel: NIOAsyncChannel<ByteBuffer, Never>
    do {
      pipe = try Self.makePipe()
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
    return try await withThrowingTaskGroup(of: Ending?.self) { group in
      group.addTask {
        // Ends when every holder of the other end has closed it, or by cancellation.
        try? await channel.executeThenClose { inbound in
          for try await buffer in inbound { await output(buffer) }
        }
        return nil
      }
      let ending = try await run(input: input, output: pipe.writing, control: control)
      group.addTask {
        try? await Task.sleep(for: Self.outputPatience)
        return nil
      }
      _ = try await group.next()
      group.cancelAll()
      return ending
    }
  }

  private func run(
    input: CInt, output: CInt, control: @escaping @Sendable (_ program: UInt32) async -> Void
  ) async throws -> Ending {
    var options = PlatformOptions()
    options.createSession = true
    // Only for when this task is cancelled: a worker whose time is up leaves nothing running.
    options.teardownSequence = [.send(signal: .kill, toProcessGroup: true, allowedDurationToNextStep: .seconds(1))]
    let variables = Dictionary(uniqueKeysWithValues: environment.map { (Environment.Key(stringLiteral: $0), $1) })
    let (groups, logger) = (groups, logger)
    let program = await groups.announce(lease: lease)
    defer { groups.forget(program) }
    let result = try await Subprocess.run(
      .path(.init(path)),
      arguments: Arguments(executablePathOverride: command.first, remainingValues: Array(command.dropFirst())),
      environment: .custom(variables), workingDirectory: directory.map { .init($0) }, platformOptions: options,
      input: .fileDescriptor(.init(rawValue: input), closeAfterSpawningProcess: true),
      output: .fileDescriptor(.init(rawValue: output), closeAfterSpawningProcess: true),
      error: .combinedWithOutput
    ) { execution in
      groups.insert(program, leader: execution.processIdentifier.value)
      await withTaskGroup(of: Void.self) { group in
        group.addTask { await control(program) }
        await ProgramEnd.wait(for: execution)
        group.cancelAll()
      }
      // The program has ended but is not yet reaped, so its number is still its own: end what it left behind.
      let left = groups.endRest(of: program)
      if left > 0 {
        logger.warning("processes of a program do not end although they were killed", metadata: ["count": "\(left)"])
      }
    }
    switch result.terminationStatus {
    case .exited(let status): return .exited(status)
    case .signaled(let signal): return .signalled(signal)
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

  private static func makePipe() throws -> (reading: CInt, writing: CInt) {
    var ends: [CInt] = [-1, -1]
    guard pipe(&ends) == 0 else { throw SystemFailure(action: "make a pipe") }
    // Another program started at this moment does not inherit them either: all but its own descriptors are closed.
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
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
