#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// As whom the server runs. PostgreSQL refuses to run as root: then it is `postgres`, or `nobody`.
struct ServerAccount: Hashable, Sendable {
  let userID: uid_t
  let groupID: gid_t
  /// Its name, if it is another account than ours.
  let otherName: String?

  static func choose() throws(LocalPostgresError) -> ServerAccount {
    guard getuid() == 0 else { return ServerAccount(userID: getuid(), groupID: getgid(), otherName: nil) }
    for name in ["postgres", "nobody"] {
      guard let entry = getpwnam(name) else { continue }
      return ServerAccount(userID: entry.pointee.pw_uid, groupID: entry.pointee.pw_gid, otherName: name)
    }
    throw .unusableDirectory("PostgreSQL does not run as root, and there is neither a user postgres nor nobody")
  }

  private var isOther: Bool { otherName != nil }

  /// A command line that runs another one as this account.
  ///
  /// A program does it rather than the process library: between fork and exec, the C library's `setuid` waits for the
  /// threads of the parent, which the child does not have.
  func command(_ arguments: [String]) throws(LocalPostgresError) -> [String] {
    guard let otherName else { return arguments }
    if let setpriv = Self.firstExecutable(["/usr/bin/setpriv", "/bin/setpriv"]) {
      return [setpriv, "--reuid=\(userID)", "--regid=\(groupID)", "--clear-groups", "--"] + arguments
    }
    if let su = Self.firstExecutable(["/bin/su", "/usr/bin/su"]) {
      return [su, "-s", "/bin/sh", "-c", #"exec "$0" "$@""#, "--", otherName] + arguments
    }
    throw .unusableDirectory(
      "PostgreSQL does not run as root, and neither setpriv nor su is there to become \(otherName)")
  }

  private static func firstExecutable(_ paths: [String]) -> String? {
    paths.first { access($0, X_OK) == 0 }
  }

  /// Makes a directory that only this account may look into. An existing one must be its own already, or empty.
  func makeDirectory(_ path: String) throws(LocalPostgresError) {
    if isOther, let parent = firstClosedParent(of: path) {
      throw .unusableDirectory(
        "\(path) cannot be reached by the user PostgreSQL runs as (it does not run as root): \(parent) is closed to it")
    }
    if mkdir(path, 0o700) != 0, errno != EEXIST {
      throw .unusableDirectory("cannot make \(path): \(String(cString: strerror(errno)))")
    }
    guard isOther, rmdir(path) == 0 else { return }
    // It was empty, and is made anew with the other owner.
    guard mkdir(path, 0o700) == 0, chown(path, userID, groupID) == 0 else {
      throw .unusableDirectory("cannot make \(path): \(String(cString: strerror(errno)))")
    }
  }

  /// The first directory on the way that this account may not pass.
  private func firstClosedParent(of path: String) -> String? {
    var parent = ""
    for part in path.split(separator: "/").dropLast() {
      parent += "/\(part)"
      var status = stat()
      guard stat(parent, &status) == 0 else { return parent }
      let bit: mode_t =
        status.st_uid == userID ? 0o100 : status.st_gid == groupID ? 0o010 : 0o001
      if status.st_mode & bit == 0 { return parent }
    }
    return nil
  }
}
