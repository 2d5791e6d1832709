import NIOSSL

/// The certificate authorities that a client believes when a coordinator shows its certificate.
///
/// There is no way to believe everybody: a connection that is not verified protects nothing.
public struct TrustedAuthorities: Sendable {
  /// nil: those of the system.
  private let certificates: [NIOSSLCertificate]?

  private init(certificates: [NIOSSLCertificate]?) { self.certificates = certificates }

  /// Those that the operating system trusts.
  public static let system = TrustedAuthorities(certificates: nil)

  /// Those of a file in PEM form, and no others.
  /// - Throws: `AuthoritiesFileError` when it cannot be read or holds no certificate.
  public init(file path: String) throws(AuthoritiesFileError) {
    do {
      certificates = try NIOSSLCertificate.fromPEMFile(path)
    } catch {
      throw AuthoritiesFileError(path: path)
    }
    if certificates?.isEmpty != false { throw AuthoritiesFileError(path: path) }
  }

  /// Those of a file, or, without one, of the system.
  /// - Throws: `AuthoritiesFileError` when it cannot be read or holds no certificate.
  public init(optionalFile path: String?) throws(AuthoritiesFileError) {
    if let path { try self.init(file: path) } else { self = .system }
  }

  /// What a client needs: TLS 1.2 or newer, the certificate verified, and the host's name too.
  public var clientConfiguration: TLSConfiguration {
    var configuration = TLSConfiguration.makeClientConfiguration()
    configuration.minimumTLSVersion = .tlsv12
    configuration.certificateVerification = .fullVerification
    if let certificates { configuration.trustRoots = .certificates(certificates) }
    return configuration
  }
}

/// A file of certificate authorities that is of no use.
public struct AuthoritiesFileError: Error, Hashable, CustomStringConvertible {
  public let path: String

  public var description: String { "BATON_CA_FILE: '\(path)' cannot be read, or holds no certificate in PEM form" }
}
