#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// The user that the programs of `exec` jobs run as, when it is not the worker's own.
public struct ExecUser: Sendable, Equatable {
  /// Never root's.
  public let userID: UInt32
  /// The only group that programs have.
  public let groupID: UInt32
  /// Nil for a number that no account has.
  public let name: String?
  /// The programs' `HOME`.
  public let home: String

  /// Looks the user up among the machine's accounts.
  ///
  /// - Parameter text: A user's name or number, and after a colon the name or number of a group, instead of the user's
  ///   own: `nobody`, `1001`, `jobs:render`, `1001:1001`. A number need not be an account's, if it comes with a group.
  /// - Returns: Nil when there is no such user or group, and for root.
  public init?(_ text: String) {
    let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    let number = Self.number(parts[0])
    let account = if let number { Self.account(number: number) } else { Self.account(name: parts[0]) }
    var group = account?.group
    if parts.count > 1 { group = Self.number(parts[1]) ?? Self.groupNumber(of: parts[1]) }
    guard let user = account?.user ?? number, let group,
      // To the system calls, the greatest number means that nothing is to be changed.
      user != 0, user != .max, group != .max
    else { return nil }
    userID = user
    groupID = group
    name = account?.name
    home = account?.home ?? "/"
  }

  /// For messages: the name, or the number.
  var label: String { name ?? "user \(userID)" }

  // MARK: Accounts

  private struct Account {
    let name: String
    let user: UInt32
    let group: UInt32
    let home: String

    init(_ record: passwd) {
      name = String(cString: record.pw_name)
      user = record.pw_uid
      group = record.pw_gid
      home = String(cString: record.pw_dir)
    }
  }

  private static func number(_ text: String) -> UInt32? {
    text.utf8.allSatisfy { (0x30...0x39).contains($0) } ? UInt32(text) : nil
  }

  private static func account(name: String) -> Account? {
    look(passwd(), { getpwnam_r(name, $0, $1, $2, $3) }, Account.init)
  }

  private static func account(number: UInt32) -> Account? {
    look(passwd(), { getpwuid_r(number, $0, $1, $2, $3) }, Account.init)
  }

  private static func groupNumber(of name: String) -> UInt32? {
    look(group(), { getgrnam_r(name, $0, $1, $2, $3) }, { $0.gr_gid })
  }

  /// Gives the C library as much room for what it finds as it wants.
  private static func look<Record, Found>(
    _ empty: Record,
    _ find: (
      UnsafeMutablePointer<Record>, UnsafeMutablePointer<CChar>, Int,
      UnsafeMutablePointer<UnsafeMutablePointer<Record>?>
    ) -> Int32,
    _ read: (Record) -> Found
  ) -> Found? {
    var room = 1024
    while room <= 1 << 20 {
      let buffer = UnsafeMutablePointer<CChar>.allocate(capacity: room)
      defer { buffer.deallocate() }
      var record = empty
      var found: UnsafeMutablePointer<Record>?
      let outcome = find(&record, buffer, room, &found)
      if outcome != ERANGE { return outcome == 0 ? found.map { read($0.pointee) } : nil }
      room *= 4
    }
    return nil
  }
}
