import CLinuxProcess

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

/// One process and no other: numbers are used again, so the time of the start belongs to it.
struct ProcessIdentity: Sendable, Hashable {
  let pid: pid_t
  /// In ticks since the start of the machine.
  let startedAt: UInt64
}

/// What `/proc` says of a process.
struct ProcessEntry: Sendable, Equatable {
  let id: ProcessIdentity
  let parent: pid_t
  let session: pid_t
  /// It has ended and waits to be reaped.
  let isZombie: Bool
  /// What it has computed itself, without the processes that it has waited for.
  let processorTicks: UInt64

  var pid: pid_t { id.pid }

  init(
    pid: pid_t, startedAt: UInt64, parent: pid_t, session: pid_t, isZombie: Bool = false, processorTicks: UInt64 = 0
  ) {
    id = ProcessIdentity(pid: pid, startedAt: startedAt)
    self.parent = parent
    self.session = session
    self.isZombie = isZombie
    self.processorTicks = processorTicks
  }

  /// Reads a line of `/proc/…/stat`.
  init?(stat line: some BidirectionalCollection<UInt8>) {
    // The program's name, in parentheses, may hold anything; what follows it begins with the third field.
    guard let end = line.lastIndex(of: UInt8(ascii: ")")), let pid = Self.number(line.prefix { $0 != 0x20 }) else {
      return nil
    }
    let fields = line[line.index(after: end)...].split(separator: 0x20, maxSplits: 20)
    guard fields.count > 19, let state = fields[0].first, let parent = Self.number(fields[1]),
      let session = Self.number(fields[3]), let user = Self.number(fields[11]), let system = Self.number(fields[12]),
      let startedAt = Self.number(fields[19])
    else { return nil }
    self.init(
      pid: pid_t(truncatingIfNeeded: pid), startedAt: startedAt, parent: pid_t(truncatingIfNeeded: parent),
      session: pid_t(truncatingIfNeeded: session),
      isZombie: state == UInt8(ascii: "Z") || state == UInt8(ascii: "X"), processorTicks: user &+ system)
  }

  private static func number(_ digits: some Sequence<UInt8>) -> UInt64? {
    var number: UInt64 = 0
    for digit in digits {
      guard (0x30...0x39).contains(digit) else { return nil }
      number = number &* 10 &+ UInt64(digit - 0x30)
    }
    return number
  }
}

#if os(Linux)
  extension ProcessEntry {
    /// What there is to know of a process; nil when there is none of that number.
    static func read(_ pid: pid_t) -> ProcessEntry? {
      let descriptor = open("/proc/\(pid)/stat", O_RDONLY | O_CLOEXEC)
      guard descriptor >= 0 else { return nil }
      defer { close(descriptor) }
      return withUnsafeTemporaryAllocation(byteCount: 2048, alignment: 1) { buffer in
        #if canImport(Musl)
          let count = Musl.read(descriptor, buffer.baseAddress, buffer.count)
        #else
          let count = Glibc.read(descriptor, buffer.baseAddress, buffer.count)
        #endif
        guard count > 0 else { return nil }
        return ProcessEntry(stat: UnsafeRawBufferPointer(rebasing: buffer[..<count]))
      }
    }

    /// Every process that can be seen, but this one; the youngest first, which may be gone in a moment.
    /// - Parameter visit: Is shown each as soon as it has been read.
    static func readAll(_ visit: (ProcessEntry) -> Void = { _ in }) -> [ProcessEntry] {
      StrayProcesses.all().reversed().compactMap { pid in
        guard let entry = read(pid) else { return nil }
        visit(entry)
        return entry
      }
    }

    /// Whether a process is in the namespace of processes that is shown in `/proc`, and so is this one: only then a
    /// process number that it knows means the same here.
    static func sharesNamespace(_ pid: pid_t) -> Bool {
      namespaceDepth(of: "\(pid)") == 1 && namespaceDepth(of: "self") == 1
    }

    /// How many numbers the process has, one in each namespace from that of `/proc` inwards. Anybody may read them.
    private static func namespaceDepth(of process: String) -> Int? {
      guard let status = FileManager.default.contents(atPath: "/proc/\(process)/status") else { return nil }
      return String(decoding: status, as: UTF8.self).split(separator: "\n").first { $0.hasPrefix("NSpid:") }
        .map { $0.split(whereSeparator: \.isWhitespace).count - 1 }
    }

    /// Whether a number is nobody's. What cannot be seen in `/proc` may be hidden there.
    static func isUnused(_ pid: pid_t) -> Bool { kill(pid, 0) != 0 && errno == ESRCH }

    /// The clock that ``ProcessIdentity/startedAt`` is read from.
    static var now: UInt64 {
      var time = timespec()
      clock_gettime(CLOCK_BOOTTIME, &time)
      return UInt64(time.tv_sec) * ticksPerSecond + UInt64(time.tv_nsec) * ticksPerSecond / 1_000_000_000
    }

    static var ticksPerSecond: UInt64 { UInt64(max(sysconf(Int32(_SC_CLK_TCK)), 1)) }
  }

  extension ProcessIdentity {
    /// Signals this very process.
    /// - Returns: Whether it was there to be signalled.
    @discardableResult
    func signal(_ signal: Int32) -> Bool {
      let descriptor = baton_open_process(pid)
      guard descriptor >= 0 else { return errno == ENOSYS && isThere && kill(pid, signal) == 0 }
      defer { close(descriptor) }
      // Looked at with the descriptor open: what is there now is what the descriptor means.
      return isThere && baton_signal_process(descriptor, signal) == 0
    }

    private var isThere: Bool { ProcessEntry.read(pid)?.id == self }
  }
#endif
