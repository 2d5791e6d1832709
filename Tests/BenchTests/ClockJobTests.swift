import Testing

@testable import BatonBench

@Suite struct ClockJobTests {
  @Test func onlyWholeLinesAreRead() {
    let text = "start 17 1700000000.250000000\nstop 0 1700000001.5\nstart 18 17000"
    #expect(ClockJob.parse(text) == [.started(pid: 17, at: 1_700_000_000.25), .stopped(at: 1_700_000_001.5)])
    #expect(ClockJob.parse("").isEmpty)
  }

  @Test func gapsAreFromAnEndToTheNextBeginning() {
    let times = AttemptTimes(started: [1, 2.5, 4], ended: [2, 3, .nan])
    #expect(times.gaps == [500, 1000])
  }
}
