import NIOSSL

/// Why no TLS connection came about, in words for whoever has to mend it.
public struct TLSFailure: Error, Hashable, CustomStringConvertible {
  public let description: String
  /// Whether it is for people to mend, so that trying again is of no use.
  public let isLasting: Bool
  /// Whether nothing had been sent yet but what makes the connection.
  public let wasInHandshake: Bool

  /// - Returns: nil when the error has nothing to do with TLS.
  public init?(_ error: any Error) {
    switch error {
    case let error as NIOSSLExtraError where error == .failedToValidateHostname:
      self.init(lasting: "its certificate is for another host name")
    case let error as NIOSSLExtraError where error == .serverHostnameImpossibleToMatch:
      self.init(lasting: "no certificate can be for such a host name")
    case NIOSSLError.handshakeFailed(let reason):
      // The library tells the kind of failure only within a text.
      let text = "\(reason)"
      if text.contains("CERTIFICATE_VERIFY_FAILED") {
        self.init(
          lasting: """
            its certificate is not valid, or not signed by an authority that is trusted here \
            (BATON_CA_FILE names those of a private one)
            """)
      } else if text.contains("WRONG_VERSION_NUMBER") || text.contains("HTTP_REQUEST") {
        self.init(lasting: "it does not speak TLS there (is it http:// that is meant?)")
      } else if text.contains("PROTOCOL_VERSION") || text.contains("UNSUPPORTED_PROTOCOL") {
        self.init(lasting: "it speaks no TLS of version 1.2 or newer")
      } else {
        self.init(description: "no TLS connection: \(text)", isLasting: false, wasInHandshake: true)
      }
    case NIOSSLError.uncleanShutdown:
      self.init(description: "the connection was cut", isLasting: false)
    case is NIOSSLError, is NIOSSLExtraError, is BoringSSLError:
      self.init(description: "TLS: \(error)", isLasting: false)
    default:
      return nil
    }
  }

  private init(lasting description: String) {
    self.init(description: description, isLasting: true, wasInHandshake: true)
  }

  private init(description: String, isLasting: Bool, wasInHandshake: Bool = false) {
    self.description = description
    self.wasInHandshake = wasInHandshake
    self.isLasting = isLasting
  }
}
