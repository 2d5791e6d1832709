import CLinuxProcess
import Dispatch
import Subprocess

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// The end of a program, before it is waited for: its number is still its own then.
enum ProgramEnd {
  /// Returns when the program has ended, whether or not the task is cancelled.
  static func wait<Input, Output, Errors>(for execution: Execution<Input, Output, Errors>) async {
    #if canImport(Darwin)
      let process = execution.processIdentifier.value
      await wait(
        for: DispatchSource.makeProcessSource(identifier: process, eventMask: .exit, queue: .global()), closing: nil)
    #else
      // A descriptor of its own, because the other is closed by whoever owns it.
      let descriptor = fcntl(execution.processIdentifier.processDescriptor, F_DUPFD_CLOEXEC, 0)
      guard descriptor >= 0 else {
        // Before Linux 5.3. A signal of number zero does nothing: this waits for the program's end. Not the way
        // everywhere, because the memory of a sleep is not freed before its time, even if it is cancelled.
        return await execution.teardown(using: [
          .send(signal: Signal(rawValue: 0), allowedDurationToNextStep: .seconds(100 * 365 * 86_400))
        ])
      }
      // Readable as soon as the process has ended.
      let source = DispatchSource.makeReadSource(fileDescriptor: descriptor, queue: .global())
      await wait(for: source, closing: descriptor)
    #endif
  }

  #if os(Linux)
    /// Returns when a child of this process has ended, whether or not the task is cancelled.
    static func wait(forChild process: pid_t) async {
      let descriptor = baton_open_process(process)
      if descriptor >= 0 {
        return await wait(
          for: DispatchSource.makeReadSource(fileDescriptor: descriptor, queue: .global()), closing: descriptor)
      }
      // Before Linux 5.3.
      await withCheckedContinuation { continuation in
        DispatchQueue.global().async {
          var information = siginfo_t()
          while waitid(P_PID, id_t(process), &information, WEXITED | WNOWAIT) != 0, errno == EINTR {}
          continuation.resume()
        }
      }
    }
  #endif

  private static func wait(for source: some DispatchSourceProtocol, closing descriptor: CInt?) async {
    await withCheckedContinuation { continuation in
      source.setEventHandler { source.cancel() }
      source.setCancelHandler {
        if let descriptor { close(descriptor) }
        continuation.resume()
      }
      source.activate()
    }
  }
}
