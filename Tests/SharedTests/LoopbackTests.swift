import BatonShared
import Testing

@Suite struct LoopbackTests {
  @Test(arguments: ["localhost", "LocalHost", "::1", "[::1]", "127.0.0.1", "127.1.2.3", "127.255.255.255"])
  func whatOnlyThisMachineReaches(host: String) {
    #expect(Loopback.contains(host))
  }

  @Test(arguments: [
    "", "0.0.0.0", "::", "10.0.0.1", "128.0.0.1", "127", "127.0.0", "127.1", "127.0.0.256", "127.0.0.", "127..0.1",
    "127.0.0.1.", "127.0.0.0001", "127.a.example.org", "127.0.0.org", "127.0.0.1.example.org", "127.0.0.-1",
    "127.0.0.+1", "127.0.0.١", "localhost.example.org", "::1.example.org",
  ])
  func whatOthersMayReach(host: String) {
    #expect(!Loopback.contains(host))
  }
}
