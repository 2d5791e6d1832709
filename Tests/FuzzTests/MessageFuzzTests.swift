import BatonJSON
import BatonShared
import BatonTestSupport
import Testing

/// Damaged messages are refused or read; what is read can be written and read again, and nothing ever traps.
@Suite struct MessageFuzzTests {
  private static let id = "9b2f1c3d-4e5a-4b6c-8d7e-0f1a2b3c4d5e"
  private static let job =
    #"{"id":"\#(id)","queue":"q","kind":"k","status":"processing","payload":{"n":[1,2.5,"x"]},"priority":-5,"#
    + #""placement":"spot","on_interruption":"auto","tags":{"a":"b"},"attempt":2,"max_attempts":5,"failures":1,"#
    + #""interruptions":1,"losses":0,"max_losses":5,"timeout_seconds":1.5,"progress":{"fraction":0.5,"message":"m"},"#
    + #""checkpoint":{"sequence":3,"size_bytes":10,"content_type":"a/b","saved_at":"2026-11-21T21:27:07.552Z"},"#
    + #""result":null,"error":{"code":"c","message":"m"},"worker_id":"w","run_at":"2026-11-21T21:27:07.552Z","#
    + #""created_at":"2026-11-21T21:27:07.552Z","started_at":"2026-11-21T21:27:07.552Z","finished_at":null}"#
  private static let submission =
    #"{"kind":"k","payload":{"a":[1,{"b":null}]},"queue":"q","priority":100,"run_at":"2026-11-21T21:27:07+01:00","#
    + #""max_attempts":3,"max_losses":2,"timeout_seconds":0.5,"placement":"any","on_interruption":"finish","#
    + #""tags":{"team":"ml","größe":"\u00e9"}}"#

  private func fuzz<Message: JSONDecodable & JSONEncodable>(
    _ type: Message.Type, seed: UInt64, _ good: [String], alias: Bool = true
  ) throws {
    var count = 0
    let texts = good.map { Array($0.utf8) }
    for text in texts { _ = try Message(json: text) }
    var mutator = Mutator(random: SeededGenerator(seed: seed))
    for _ in 0..<cases {
      let damaged = mutator.mutate(texts)
      let read: Message
      do throws(JSONError) {
        read = try Message(json: damaged)
      } catch {
        #expect(!error.description.isEmpty && !error.description.contains("\0"))
        continue
      }
      count += 1
      let written = read.json
      #expect(try Message(json: written).json == written, "\(String(decoding: damaged, as: UTF8.self))")
    }
    #expect(count > 0 && count < cases, "\(type): \(count)")
  }

  @Test(arguments: seeds) func submissions(seed: UInt64) throws {
    try fuzz(JobSubmission.self, seed: seed, [Self.submission, #"{"kind":"k","delay_seconds":1.5}"#])
    try fuzz(
      BatchSubmission.self, seed: seed, [#"{"jobs":[\#(Self.submission),{"kind":"b"}]}"#, #"{"jobs":[]}"#])
  }

  @Test(arguments: seeds) func whatWorkersSend(seed: UInt64) throws {
    try fuzz(
      LeaseRequest.self, seed: seed,
      [#"{"worker_id":"w-1","max":3,"queues":["a","b"],"kinds":["k"],"wait_seconds":20.5,"new":[{}]}"#])
    try fuzz(
      Heartbeat.self, seed: seed,
      [
        #"{"state":"draining","interruption":{"source":"s","action":"a","seconds_left":1.5},"leases":[{"lease_id":"#
          + #""\#(Self.id)","progress":{"fraction":0.5,"message":"m"}}]}"#
      ])
    try fuzz(
      SettleRequest.self, seed: seed,
      [
        #"{"results":[{"lease_id":"\#(Self.id)","outcome":"done","result":{"a":1}},{"lease_id":"\#(Self.id)","#
          + #""outcome":"failed","error":{"code":"c","message":"m"},"retryable":false,"delay_seconds":3,"reason":"r"}]}"#
      ])
    try fuzz(
      WorkerRegistration.self, seed: seed,
      [
        #"{"hostname":"h","instance_id":"i","instance_type":"t","availability_zone":"z","capacity_type":"spot","#
          + #""provider":"aws","queues":["default"],"kinds":["k"],"slots":4,"version":"1"}"#
      ])
  }

  @Test(arguments: seeds) func whatTheCoordinatorAnswers(seed: UInt64) throws {
    try fuzz(JobSnapshot.self, seed: seed, [Self.job])
    try fuzz(JobPage.self, seed: seed, [#"{"jobs":[\#(Self.job)],"next_cursor":"\#(Self.id)"}"#])
    try fuzz(
      LeaseGrants.self, seed: seed,
      [
        #"{"leases":[{"lease_id":"\#(Self.id)","job_id":"\#(Self.id)","queue":"q","kind":"k","payload":[1],"attempt":1,"#
          + #""interruptions":0,"lease_ttl_seconds":30,"timeout_seconds":null,"on_interruption":"auto","checkpoint":"#
          + #"{"sequence":1,"size_bytes":2,"content_type":"a/b"}}]}"#
      ])
    try fuzz(
      HeartbeatReply.self, seed: seed, [#"{"drain":false,"leases":[{"lease_id":"\#(Self.id)","status":"held"}]}"#])
    try fuzz(SettleReply.self, seed: seed, [#"{"results":[{"lease_id":"\#(Self.id)","status":"accepted"}]}"#])
    try fuzz(Problem.self, seed: seed, [#"{"status":404,"title":"t","detail":"d","code":"not_found"}"#])
    try fuzz(
      Statistics.self, seed: seed,
      [
        #"{"jobs":{"queued":1,"processing":2,"done":3,"failed":4,"cancelled":5},"#
          + #""workers":{"active":1,"draining":0,"gone":2}}"#
      ])
  }

  @Test(arguments: seeds) func listsThatTheCoordinatorAnswers(seed: UInt64) throws {
    try fuzz(
      AttemptList.self, seed: seed,
      [
        #"{"attempts":[{"attempt":2,"lease_id":"\#(Self.id)","worker_id":"w","capacity_type":"on_demand","#
          + #""outcome":"timed_out","reason":"slow","started_at":"2026-11-21T21:27:07.552Z","#
          + #""ended_at":"2026-11-21T21:27:08.000Z","checkpoint_sequence":3}]}"#,
        #"{"attempts":[{"attempt":1,"lease_id":"\#(Self.id)","worker_id":"w","capacity_type":"spot","outcome":null,"#
          + #""reason":null,"started_at":"2026-11-21T21:27:07.552Z","ended_at":null,"checkpoint_sequence":null}]}"#,
      ])
    try fuzz(
      QueueList.self, seed: seed,
      [
        #"{"queues":[{"name":"gpu","paused":true,"jobs":{"queued":3,"processing":0,"done":2,"failed":0,"#
          + #""cancelled":0},"oldest_queued_seconds":1.25}],"next_cursor":"q:gpu"}"#,
        #"{"queues":[],"next_cursor":null}"#,
      ])
    try fuzz(
      WorkerList.self, seed: seed,
      [
        #"{"workers":[{"id":"w-1","hostname":"h","instance_id":null,"instance_type":null,"availability_zone":"z","#
          + #""capacity_type":"spot","provider":"aws","queues":["default"],"kinds":["k"],"version":"1","#
          + #""state":"draining","slots":2,"leases":1,"last_heartbeat_at":"2026-01-31T12:00:01.000Z","#
          + #""registered_at":"2026-01-31T12:00:00.123Z","interruption":{"source":"sigterm","action":"drain","#
          + #""seconds_left":null}}],"next_cursor":"1764106815123456.w-1"}"#
      ])
    try fuzz(RegistrationReceipt.self, seed: seed, [#"{"lease_ttl_seconds":30,"heartbeat_seconds":10.5}"#])
    try fuzz(CheckpointReceipt.self, seed: seed, [#"{"sequence":12}"#])
    try fuzz(BatchReceipt.self, seed: seed, [#"{"ids":["\#(Self.id)","\#(Self.id)"]}"#])
  }

  @Test(arguments: seeds) func valuesThatArePassedOn(seed: UInt64) {
    let texts = [Self.job, Self.submission, "[1,-2.5e-3,\"\\ud83d\\ude00\",{}]"].map { Array($0.utf8) }
    var mutator = Mutator(random: SeededGenerator(seed: seed))
    for _ in 0..<cases {
      guard let raw = try? RawJSON(parsing: mutator.mutate(texts)) else { continue }
      #expect((try? RawJSON(parsing: raw.bytes))?.bytes == raw.bytes)
    }
  }
}
