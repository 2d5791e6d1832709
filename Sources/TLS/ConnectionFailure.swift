import AsyncHTTPClient
import NIOCore
import NIOPosix

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Why a request had no answer, in words for people.
public enum ConnectionFailure {
  public static func words(_ error: any Error) -> String {
    switch error {
    case let error as NIOConnectionError:
      // One for each address that the name stands for.
      if let first = error.connectionErrors.first { return words(first.error) }
      return error.dnsAError ?? error.dnsAAAAError == nil ? "no connection" : "its name cannot be resolved"
    case let error as IOError where error.errnoCode == ECONNREFUSED: return "connection refused"
    case let error as IOError where error.errnoCode == ECONNRESET: return "the connection was reset"
    case let error as HTTPClientError where error == .connectTimeout: return "no connection in time"
    case ChannelError.connectTimeout: return "no connection in time"
    case let error as HTTPClientError where error == .deadlineExceeded || error == .readTimeout:
      return "the time was up"
    case let error as HTTPClientError where error == .remoteConnectionClosed: return "the connection was closed"
    case let error as HTTPClientError: return error.shortDescription
    default: return TLSFailure(error)?.description ?? "\(error)"
    }
  }
}
