import NIOSSL
import Synchronization

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The coordinator's certificate and key as they were read last; connections that come later get newer ones.
final class TLSIdentity: Sendable {
  private struct Loaded: Sendable {
    var context: NIOSSLContext
    /// Until when the certificate is valid.
    var expiry: Date
  }

  let certificateFile: GuardedFile
  let keyFile: GuardedFile
  private let state: Mutex<Loaded>

  /// - Throws: `AccessFileError` that names the file.
  init(certificatePath: String, keyPath: String) throws {
    certificateFile = GuardedFile(setting: "TLS_CERTIFICATE_FILE", path: certificatePath, guarded: .againstWriting)
    keyFile = GuardedFile(setting: "TLS_KEY_FILE", path: keyPath, guarded: .againstReading)
    state = Mutex(try Self.load(certificateFile, keyFile))
  }

  var context: NIOSSLContext { state.withLock { $0.context } }
  var expiry: Date { state.withLock { $0.expiry } }

  /// What tells whether there is something new to read.
  var versions: [GuardedFile.Version?] { [certificateFile.version, keyFile.version] }

  /// Reads both files anew. Connections that are there stay as they are.
  /// - Throws: `AccessFileError`; then everything is as it was.
  func reload() throws {
    let new = try Self.load(certificateFile, keyFile)
    state.withLock { $0 = new }
  }

  private static func load(_ certificateFile: GuardedFile, _ keyFile: GuardedFile) throws -> Loaded {
    let certificates = try certificateFile.read()
    guard let chain = try? NIOSSLCertificate.fromPEMBytes(certificates), let own = chain.first else {
      throw AccessFileError(
        description: "TLS_CERTIFICATE_FILE: '\(certificateFile.path)' holds no certificate in PEM form")
    }
    let keyBytes = try keyFile.read()
    guard let key = try? NIOSSLPrivateKey(bytes: keyBytes, format: .pem) else {
      throw AccessFileError(
        description: "TLS_KEY_FILE: '\(keyFile.path)' holds no private key in PEM form without a passphrase")
    }
    var configuration = TLSConfiguration.makeServerConfiguration(
      certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key))
    configuration.minimumTLSVersion = .tlsv12
    configuration.applicationProtocols = ["http/1.1"]
    do {
      let context = try NIOSSLContext(configuration: configuration)
      return Loaded(context: context, expiry: Date(timeIntervalSince1970: TimeInterval(own.notValidAfter)))
    } catch {
      throw AccessFileError(
        description: "TLS_KEY_FILE: '\(keyFile.path)' is not the key of the certificate in '\(certificateFile.path)'")
    }
  }
}
