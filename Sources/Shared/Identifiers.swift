import BatonJSON
import Synchronization

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The identity of a job: a UUID of version 7, so that ids sort by the time of submission.
public struct JobID: Sendable, Hashable, CustomStringConvertible {
  public let uuid: UUID

  public init(_ uuid: UUID) { self.uuid = uuid }

  /// Reads an id in any letter case; nil when `text` is no UUID.
  public init?(_ text: String) {
    guard let uuid = UUID(wholeText: text) else { return nil }
    self.uuid = uuid
  }

  public var description: String { uuid.lowercaseText }
}

/// Makes job ids that grow from one to the next within this process, however many are made in a millisecond.
///
/// Layout: RFC 9562, version 7, with the 12 bits of `rand_a` as a counter (method 1 of its section 6.2).
public final class JobIDGenerator: Sendable {
  private struct State {
    var millisecond: UInt64 = 0
    var counter: UInt64 = 0
  }

  private let state = Mutex(State())

  public init() {}

  public func next() -> JobID {
    let now = UUID.millisecond()
    let (millisecond, counter) = state.withLock { state in
      if now > state.millisecond {
        state = State(millisecond: now, counter: UInt64.random(in: 0..<1024))
      } else if state.counter < 4095 {
        state.counter += 1
      } else {
        // More than the counter holds, or a clock set back: borrow from the future.
        state = State(millisecond: state.millisecond + 1, counter: 0)
      }
      return (state.millisecond, state.counter)
    }
    let high = millisecond << 16 | 0x7000 | counter
    let low = KernelRandom().next() & ~(3 << 62) | 2 << 62
    return JobID(UUID(high: high, low: low))
  }
}

/// The identity of a lease and the right to act on it: the time and 74 random bits, new for every attempt at a job.
///
/// The time goes first so that the newest attempts lie side by side in the database's indexes, however many have ended:
/// wholly random keys would have every lease read, and write to the log, a page of its own.
public struct LeaseID: Sendable, Hashable, Comparable, CustomStringConvertible {
  public let uuid: UUID

  public init(_ uuid: UUID) { self.uuid = uuid }

  /// The order of PostgreSQL.
  public static func < (one: LeaseID, other: LeaseID) -> Bool { one.uuid < other.uuid }

  /// Makes a new one with random bits that nobody can guess: whoever knows it holds the lease.
  ///
  /// Not `UUID()`: on Linux that opens `/dev/urandom` each time and does not look whether it could, so a process that
  /// has run out of file descriptors would give out whatever lay in memory.
  public init() {
    var generator = KernelRandom()
    self.init(using: &generator)
  }

  /// Makes a new one (UUID version 7, RFC 9562; nothing but random bits behind the millisecond).
  public init(using generator: inout some RandomNumberGenerator) {
    let (a, b): (UInt64, UInt64) = (generator.next(), generator.next())
    self.uuid = UUID(high: UUID.millisecond() << 16 | 0x7000 | a & 0xFFF, low: b & ~(3 << 62) | 2 << 62)
  }

  /// Stands for a lease whose id is not told (the nil UUID of RFC 9562, section 5.9).
  public static let withheld = LeaseID(.zero)

  /// Reads an id in any letter case; nil when `text` is no UUID.
  public init?(_ text: String) {
    guard let uuid = UUID(wholeText: text) else { return nil }
    self.uuid = uuid
  }

  public var description: String { uuid.lowercaseText }
}

extension JobID: JSONEncodable, JSONDecodable {
  public func write(to writer: inout JSONWriter) { writer.value(description) }
  public init(from reader: inout JSONReader) throws(JSONError) {
    guard let id = JobID(try reader.string()) else { throw JSONError(expected: "a UUID") }
    self = id
  }
}

extension LeaseID: JSONEncodable, JSONDecodable {
  public func write(to writer: inout JSONWriter) { writer.value(description) }
  public init(from reader: inout JSONReader) throws(JSONError) {
    guard let id = LeaseID(try reader.string()) else { throw JSONError(expected: "a UUID") }
    self = id
  }
}

extension UUID {
  /// All bits zero (RFC 9562, section 5.9).
  static let zero = UUID(high: 0, low: 0)

  /// Since 1970, as versions 7 begin with it.
  fileprivate static func millisecond() -> UInt64 { UInt64(max(0, Date().timeIntervalSince1970 * 1000)) }

  fileprivate init(high: UInt64, low: UInt64) {
    func byte(_ word: UInt64, _ position: UInt64) -> UInt8 { UInt8(truncatingIfNeeded: word >> (56 - 8 * position)) }
    self.init(
      uuid: (
        byte(high, 0), byte(high, 1), byte(high, 2), byte(high, 3), byte(high, 4), byte(high, 5), byte(high, 6),
        byte(high, 7), byte(low, 0), byte(low, 1), byte(low, 2), byte(low, 3), byte(low, 4), byte(low, 5),
        byte(low, 6), byte(low, 7)
      ))
  }

  /// Reads the canonical text in any letter case, and nothing else. Foundation's reader stops at a NUL and believes what
  /// stands before it; and it is slow, which counts where every line of a batch has an id.
  fileprivate init?(wholeText text: String) {
    var text = text
    let halves: (UInt64, UInt64)? = text.withUTF8 { utf8 in
      guard utf8.count == 36 else { return nil }
      let hyphen = UInt8(ascii: "-")
      guard utf8[8] == hyphen, utf8[13] == hyphen, utf8[18] == hyphen, utf8[23] == hyphen else { return nil }
      guard let a = Self.hexNumber(utf8, 0..<8), let b = Self.hexNumber(utf8, 9..<13),
        let c = Self.hexNumber(utf8, 14..<18), let d = Self.hexNumber(utf8, 19..<23),
        let e = Self.hexNumber(utf8, 24..<36)
      else { return nil }
      return (a << 32 | b << 16 | c, d << 48 | e)
    }
    guard let (high, low) = halves else { return nil }
    self.init(high: high, low: low)
  }

  private static func hexNumber(_ utf8: UnsafeBufferPointer<UInt8>, _ range: Range<Int>) -> UInt64? {
    var number: UInt64 = 0
    for position in range {
      let digit = utf8[position] &- UInt8(ascii: "0")
      let letter = (utf8[position] | 0x20) &- UInt8(ascii: "a")
      guard digit < 10 || letter < 6 else { return nil }
      number = number << 4 | UInt64(digit < 10 ? digit : letter + 10)
    }
    return number
  }

  /// The canonical text in lower case (RFC 9562); `uuidString` is in upper case.
  public var lowercaseText: String {
    withUnsafeBytes(of: uuid) { raw in
      String(unsafeUninitializedCapacity: 36) { text in
        var position = 0
        for (index, byte) in raw.enumerated() {
          if index == 4 || index == 6 || index == 8 || index == 10 {
            text[position] = UInt8(ascii: "-")
            position += 1
          }
          text[position] = Self.hexDigit(byte >> 4)
          text[position + 1] = Self.hexDigit(byte & 15)
          position += 2
        }
        return 36
      }
    }
  }

  private static func hexDigit(_ value: UInt8) -> UInt8 {
    value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
  }
}
