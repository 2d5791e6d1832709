import Testing

@testable import BatonWorker

@Suite struct LeaseTrustTests {
  private let start = ContinuousClock.now

  private func trusted(_ trust: LeaseTrust) -> Double { (trust.trustedUntil - start).inSeconds }

  @Test func trustCountsFromTheRequest() {
    let trust = LeaseTrust(ttl: 30, requestedAt: start, receivedAt: start + .seconds(1))
    #expect(trust.isConfirmed)
    #expect(abs(trusted(trust) - 25.5) < 0.001)
  }

  @Test func afterALongPollTrustIsProvisional() {
    var trust = LeaseTrust(ttl: 30, requestedAt: start, receivedAt: start + .seconds(20))
    #expect(!trust.isConfirmed)
    #expect(abs(trusted(trust) - 30) < 0.001, "a third of the lease from the receipt")
    trust.renew(sentAt: start + .seconds(1))
    #expect(abs(trusted(trust) - 26.5) < 0.001, "what is certain wins over what was assumed")
    #expect(trust.isConfirmed)
  }

  @Test func renewalCountsFromWhatWasSentAndNeverTakesBack() {
    var trust = LeaseTrust(ttl: 30, requestedAt: start, receivedAt: start)
    trust.renew(sentAt: start + .seconds(10))
    #expect(abs(trusted(trust) - 35.5) < 0.001)
    trust.renew(sentAt: start + .seconds(5))
    #expect(abs(trusted(trust) - 35.5) < 0.001, "answers may come out of order")
    #expect(trust.isTrusted(at: start + .seconds(35)))
    #expect(!trust.isTrusted(at: start + .seconds(35.5)))
  }

  @Test(arguments: [(30.0, 4.5), (5, 0.75), (2, 0.3), (1, 0.25), (0.4, 0.1), (600, 5)])
  func theMarginSuitsTheLease(ttl: Double, margin: Double) {
    #expect(abs(LeaseTrust.margin(ttl: ttl) - margin) < 0.001)
  }
}
