/// Addresses that only programs of this machine can reach.
public enum Loopback {
  /// Whether a server's address is one of them: `localhost`, `::1`, or a dotted address in 127.0.0.0/8 (RFC 1122,
  /// 3.2.1.3). A name that merely begins with `127.` may lead anywhere.
  public static func contains(_ host: String) -> Bool {
    if ["localhost", "::1", "[::1]"].contains(host.lowercased()) { return true }
    let parts = host.split(separator: ".", omittingEmptySubsequences: false)
    return parts.count == 4 && parts[0] == "127" && parts.allSatisfy(isOctet)
  }

  private static func isOctet(_ digits: Substring) -> Bool {
    (1...3).contains(digits.utf8.count) && digits.utf8.allSatisfy { (0x30...0x39).contains($0) } && UInt8(digits) != nil
  }
}
