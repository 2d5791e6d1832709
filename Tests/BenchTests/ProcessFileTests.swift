import NIOCore
import Testing

@testable import BatonBench

@Suite struct ProcessFileTests {
  @Test func aNameWithBracketsAndSpacesDoesNotShiftTheFields() {
    let text = "42 (a (b) c) S 7 42 42 0 -1 4194560 100 200 0 0 150 50 30 20 20 0 1 0 100 1000 10\n"
    #expect(
      ProcessFile.parse(text, ticksPerSecond: 100) == ProcessFile(parent: 7, ownSeconds: 2, childSeconds: 0.5))
    #expect(ProcessFile.parse("42 (cut", ticksPerSecond: 100) == nil)
    #expect(ProcessFile.parse("42 (short) S 7", ticksPerSecond: 100) == nil)
  }

  @Test func workTakesProcessorTime() {
    let clock = CPUClock()
    let before = clock.now()
    var sum = 0
    while (clock.now() - before).bench < 0.001 { sum &+= 1 }
    #expect((clock.now() - before).bench >= 0.001)
  }

  @Test func leaseIdsAreFoundWhereverTheyStand() {
    let id = "0190a3c2-1111-4222-8333-444455556666"
    let body = ByteBuffer(string: #"{"leases":[{"lease_id":"\#(id)","job_id":"x"},{"a":1,"lease_id":"\#(id)"}]}"#)
    #expect(LeaseText.all(in: body).map { String(decoding: $0.bytes, as: UTF8.self) } == [id, id])
    #expect(LeaseText.all(in: ByteBuffer(string: #"{"leases":[]}"#)).isEmpty)
    // Cut off: no id of fewer characters is made up.
    #expect(LeaseText.all(in: ByteBuffer(string: #"{"lease_id":"0190"#)).isEmpty)
  }

  @Test func statusesAreCounted() {
    let body = ByteBuffer(string: #"{"results":[{"status":"accepted"},{"status":"lost"},{"status":"accepted"}]}"#)
    #expect(LeaseText.count(of: "accepted", in: body) == 2)
  }

  @Test func pgbenchIsReadByItsRateWithoutConnecting() {
    let text = "number of clients: 8\ntps = 4100.125 (without initial connection time)\n"
    #expect(PgBench.transactionRate(in: text) == 4100.125)
    #expect(PgBench.transactionRate(in: "tps = 1 (including connections)\n") == nil)
  }

  @Test func loadsAreWholeBatchesOfEveryConnection() {
    for load in Throughput.loads(scale: 0.013) + Throughput.loads(connections: [3, 64], batches: [1, 7], scale: 0.01) {
      #expect(load.jobs > 0)
      #expect(load.jobs.isMultiple(of: load.connections * load.batch))
    }
  }
}
