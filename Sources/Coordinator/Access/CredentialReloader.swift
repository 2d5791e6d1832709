import Logging
import ServiceLifecycle
import UnixSignals

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Reads the files of tokens and certificates anew: all of them on SIGHUP, those of TLS also when they have changed,
/// because whatever renews a certificate often cannot send a signal.
///
/// What cannot be read leaves in force what was there before.
struct CredentialReloader: Sendable {
  let access: AccessControl
  let identity: TLSIdentity?
  let logger: Logger

  /// How often to look whether the certificate has changed.
  static let lookInterval = Duration.seconds(10)

  /// A service that reloads whenever it is time. Where there is nothing to reload, SIGHUP ends the process as ever.
  ///
  /// The signal is caught from the moment this returns.
  func service() async -> any Service {
    guard access.path != nil || identity != nil else { return Idle() }
    return Watch(reloader: self, hangUps: await UnixSignalsSequence(trapping: .sighup))
  }

  func reloadEverything() {
    reloadTokens()
    reloadCertificate()
  }

  private func reloadTokens() {
    guard access.path != nil else { return }
    do {
      try access.reload()
      logger.notice("tokens read anew", metadata: ["tokens": "\(access.current.summary)"])
    } catch {
      logger.error("the new tokens are refused; the old ones stay in force", metadata: ["error": "\(error)"])
    }
  }

  func reloadCertificate() {
    guard let identity else { return }
    do {
      try identity.reload()
      logger.notice("certificate read anew", metadata: ["valid_until": "\(identity.expiry.ISO8601Format())"])
    } catch {
      logger.error("the new certificate is refused; the old one stays in force", metadata: ["error": "\(error)"])
    }
    warnOfExpiry()
  }

  private func warnOfExpiry() {
    guard let identity, identity.expiry < Date() else { return }
    logger.error("the certificate is no longer valid", metadata: ["valid_until": "\(identity.expiry.ISO8601Format())"])
  }

  private struct Watch: Service {
    let reloader: CredentialReloader
    let hangUps: UnixSignalsSequence

    func run() async throws {
      if reloader.access.path != nil {
        reloader.logger.info("tokens read", metadata: ["tokens": "\(reloader.access.current.summary)"])
      }
      reloader.warnOfExpiry()
      await cancelWhenGracefulShutdown {
        await withTaskGroup { group in
          group.addTask { for await _ in hangUps { reloader.reloadEverything() } }
          if let identity = reloader.identity { group.addTask { await look(at: identity) } }
        }
      }
    }

    private func look(at identity: TLSIdentity) async {
      var known = identity.versions
      while (try? await Task.sleep(for: CredentialReloader.lookInterval)) != nil {
        let versions = identity.versions
        // A pair that is being written is refused, and looked at again once its other half is there.
        if versions != known { reloader.reloadCertificate() }
        known = versions
      }
    }
  }

  private struct Idle: Service {
    func run() async throws { try? await gracefulShutdown() }
  }
}
