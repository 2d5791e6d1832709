#if os(Linux)
  import CLinuxProcess

  #if canImport(Glibc)
    import Glibc
  #elseif canImport(Musl)
    import Musl
  #endif

  /// Starts a program as another user, or within limits.
  ///
  /// The limits have to be there before the program is: set from outside once it runs, they would come too late for
  /// what it has started by then. swift-subprocess lets nobody in between the fork and the exec. A program that sets the
  /// limits and then becomes the other one (`prlimit`, `sh -c 'ulimit …; exec "$@"'`) would have to be there, means
  /// something else by its units from one shell to the next, gives the program another name, makes of "cannot be
  /// started" an exit status like any other; and by `LD_PRELOAD` in its environment a job would be in it before the
  /// limits are.
  struct ProgramStart {
    struct Failure: Error, CustomStringConvertible {
      let description: String
      /// Whether it was a folder that could not be entered.
      let isOfFolder: Bool
    }

    let path: String
    let command: [String]
    /// The whole environment.
    let environment: [String: String]
    let directory: String?
    let input: CInt
    let output: CInt
    let conditions: ExecConditions

    /// Starts the program and does not wait for its end. Blocks for the moment that this takes.
    /// - Throws: ``Failure``.
    func run() throws -> pid_t {
      try Self.withPointers(to: command) { arguments in
        try Self.withPointers(to: environment.map { "\($0)=\($1)" }) { environment in
          try path.withCString { path in
            var program = baton_program()
            program.path = path
            program.arguments = arguments
            program.environment = environment
            program.input = input
            program.output = output
            program.limits = baton_limits(conditions.limits)
            return try Self.start(program, as: conditions.user, in: directory, what: self.path)
          }
        }
      }
    }

    /// Finds out whether programs can be started as a user.
    /// - Throws: ``Failure``.
    static func attempt(as user: ExecUser, in directory: String) throws {
      var program = baton_program()
      program.limits = baton_limits(ExecLimits())
      _ = try start(program, as: user, in: directory, what: "")
    }

    private static func start(
      _ program: baton_program, as user: ExecUser?, in directory: String?, what path: String
    ) throws -> pid_t {
      var program = program
      var (process, step): (pid_t, CInt) = (0, 0)
      let code = withOptionalPointer(to: user.map { baton_user(user: $0.userID, group: $0.groupID) }) { user in
        program.user = user
        guard let directory else { return baton_start_program(&program, &process, &step) }
        return directory.withCString { directory in
          program.directory = directory
          return baton_start_program(&program, &process, &step)
        }
      }
      guard code != 0 else { return process }
      let action =
        switch baton_step(UInt32(step)) {
        case BATON_STEP_SESSION: "begin a session"
        case BATON_STEP_DESCRIPTORS: "connect its input and output"
        case BATON_STEP_LIMITS: "set its limits"
        case BATON_STEP_USER: "become \(user?.label ?? "another user")"
        case BATON_STEP_DIRECTORY: "enter \(directory ?? "its folder")" + (user.map { " as \($0.label)" } ?? "")
        case BATON_STEP_EXEC: "execute \(path)" + (user.map { " as \($0.label)" } ?? "")
        // Somebody has stopped the process, or the machine stood still.
        default: code == ETIMEDOUT ? "get a process to its program within ten seconds" : "make a process"
        }
      throw Failure(
        description: SystemFailure(action: action, code: code).description,
        isOfFolder: baton_step(UInt32(step)) == BATON_STEP_DIRECTORY)
    }

    private static func withOptionalPointer<Value, Result>(
      to value: Value?, _ body: (UnsafePointer<Value>?) -> Result
    ) -> Result {
      guard let value else { return body(nil) }
      return withUnsafePointer(to: value, body)
    }

    private static func withPointers<Result>(
      to strings: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>?) throws -> Result
    ) rethrows -> Result {
      let pointers = strings.map { strdup($0) } + [nil]
      defer { for pointer in pointers { free(pointer) } }
      return try pointers.withUnsafeBufferPointer { try body($0.baseAddress) }
    }
  }

  extension baton_limits {
    fileprivate init(_ limits: ExecLimits) {
      func value(_ limit: Int?) -> UInt64 { limit.map { UInt64(max($0, 0)) } ?? .max }
      self.init(
        memory_bytes: value(limits.memoryBytes), file_bytes: value(limits.fileBytes),
        core_bytes: value(limits.coreBytes), open_files: value(limits.openFiles), processes: value(limits.processes),
        processor_seconds: value(limits.processorSeconds), nice: CInt(limits.nice ?? -20))
    }
  }
#endif
