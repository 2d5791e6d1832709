/// Why a private PostgreSQL server cannot be had.
public enum LocalPostgresError: Error, Hashable, Sendable, CustomStringConvertible {
  /// PostgreSQL's server programs are not on this machine.
  case notInstalled
  /// The data directory cannot be used; says why.
  case unusableDirectory(String)
  /// The server did not start, or ended; says what it wrote last.
  case failed(String)

  public var description: String {
    switch self {
    case .notInstalled:
      """
      PostgreSQL's server programs (initdb, postgres) were not found. Install them (Debian, Ubuntu: apt-get install \
      postgresql; Fedora: dnf install postgresql-server; macOS: brew install postgresql@17), or put the directory they \
      are in into PATH
      """
    case .unusableDirectory(let reason): reason
    case .failed(let reason): "the local PostgreSQL server failed: \(reason)"
    }
  }
}
