import BatonJSON
import BatonShared
import Testing

/// Unknown fields are errors in what people send, and are passed over in what workers send and coordinators answer.
@Suite struct StrictnessTests {
  @Test(arguments: [
    (#"{"kind":"a","priorty":1}"#, "priorty"), (#"{"kind":"a","id":"x"}"#, "id"), (#"{"kind":"a","Kind":"b"}"#, "Kind"),
  ])
  func anUnknownFieldOfASubmissionIsNamed(json: String, field: String) {
    #expect(throws: JSONError(field: field, expected: "left out: there is no such field")) {
      try read(JobSubmission.self, json)
    }
  }

  @Test func anUnknownFieldOfABatchIsNamed() {
    #expect(throws: JSONError(field: "job", expected: "left out: there is no such field")) {
      try read(BatchSubmission.self, #"{"job":[]}"#)
    }
    #expect(throws: JSONError(field: "jobs[1].x", expected: "left out: there is no such field")) {
      try read(BatchSubmission.self, #"{"jobs":[{"kind":"a"},{"kind":"a","x":1}]}"#)
    }
  }

  /// Every message that a worker sends or that comes from a coordinator, with a field of the future at every level.
  @Test func fieldsOfTheFutureArePassedOver() throws {
    let lease = #""lease_id":"9b2f1c3d-4e5a-4b6c-8d7e-0f1a2b3c4d5e""#
    let job = #""job_id":"0197a2b4-c6d8-7eef-8123-456789abcdef""#
    let new = #""new":{"x":[1,null]}"#

    let registration = try read(WorkerRegistration.self, #"{\#(new),"slots":3,"capacity_type":"spot"}"#)
    #expect(registration == WorkerRegistration(capacityType: .spot, slots: 3))
    let receipt = try read(RegistrationReceipt.self, #"{"lease_ttl_seconds":5,\#(new)}"#)
    #expect(receipt.leaseTTLSeconds == 5)
    let request = try read(LeaseRequest.self, #"{\#(new),"worker_id":"w"}"#)
    #expect(request == LeaseRequest(workerID: "w", max: 1, queues: ["default"]))
    let grants = try read(
      LeaseGrants.self,
      #"{\#(new),"leases":[{\#(new),\#(lease),\#(job),"lease_ttl_seconds":1,"on_interruption":"teleport","checkpoint":{\#(new),"sequence":2}}]}"#
    )
    #expect(grants.leases.first?.checkpoint?.sequence == 2)
    #expect(grants.leases.first?.onInterruption == .auto)
    let heartbeat = try read(
      Heartbeat.self,
      #"{\#(new),"state":"active","interruption":{\#(new),"source":"s"},"leases":[{\#(new),\#(lease),"progress":{\#(new),"fraction":2}}]}"#
    )
    #expect(heartbeat.leases == [.init(leaseID: Samples.leaseID, progress: .init(fraction: 1, message: nil))])
    let reply = try read(HeartbeatReply.self, #"{"drain":true,\#(new),"leases":[{\#(lease),"status":"lost",\#(new)}]}"#)
    #expect(reply.drain && reply.leases == [.init(leaseID: Samples.leaseID, status: .lost)])
    let settle = try read(
      SettleRequest.self,
      #"{\#(new),"results":[{\#(lease),"outcome":"failed",\#(new),"error":{"code":"c",\#(new)}}]}"#)
    #expect(settle.results.first?.error == JobFailure(code: "c", message: ""))
    let settled = try read(SettleReply.self, #"{\#(new),"results":[{\#(lease),"status":"accepted",\#(new)}]}"#)
    #expect(settled.results == [.init(leaseID: Samples.leaseID, status: .accepted)])
    #expect(try read(CheckpointReceipt.self, #"{\#(new),"sequence":3}"#).sequence == 3)
    #expect(try read(BatchReceipt.self, #"{\#(new),"ids":[]}"#).ids == [])
    #expect(try read(JobPage.self, #"{\#(new),"jobs":[]}"#).nextCursor == nil)
    #expect(try read(AttemptList.self, #"{\#(new),"attempts":[{\#(new),"attempt":7}]}"#).attempts.first?.attempt == 7)
    #expect(try read(WorkerList.self, #"{\#(new),"workers":[{\#(new),"id":"w"}]}"#).workers.first?.id == "w")
    #expect(try read(QueueList.self, #"{\#(new),"queues":[{\#(new),"name":"q"}]}"#).queues.first?.name == "q")
    let statistics = try read(
      Statistics.self, #"{\#(new),"jobs":{"done":1,"archived":9},"workers":{"lost":1,"gone":2}}"#)
    #expect(statistics.jobs[.done] == 1 && statistics.workers == [.gone: 2])
    #expect(try read(Problem.self, #"{"type":"about:blank","code":"from_the_future","status":418}"#).knownCode == nil)
  }

  @Test(arguments: [
    (#"{}"#, "kind"), (#"{"kind":""}"#, "kind"), (#"{"kind":1}"#, "kind"), (#"{"kind":null}"#, "kind"),
    (#"{"kind":"a b"}"#, "kind"), (#"{"kind":"a","queue":"-x"}"#, "queue"), (#"{"kind":"a","queue":""}"#, "queue"),
    (#"{"kind":"a","priority":101}"#, "priority"), (#"{"kind":"a","priority":-101}"#, "priority"),
    (#"{"kind":"a","priority":1.5}"#, "priority"), (#"{"kind":"a","priority":null}"#, "priority"),
    (#"{"kind":"a","run_at":"tomorrow"}"#, "run_at"), (#"{"kind":"a","run_at":1769860800}"#, "run_at"),
    (#"{"kind":"a","delay_seconds":-1}"#, "delay_seconds"),
    (#"{"kind":"a","delay_seconds":315360001}"#, "delay_seconds"),
    (#"{"kind":"a","run_at":"2026-01-31T12:00:00Z","delay_seconds":1}"#, "delay_seconds"),
    (#"{"kind":"a","max_attempts":0}"#, "max_attempts"), (#"{"kind":"a","max_attempts":1000001}"#, "max_attempts"),
    (#"{"kind":"a","max_losses":0}"#, "max_losses"), (#"{"kind":"a","timeout_seconds":0}"#, "timeout_seconds"),
    (#"{"kind":"a","timeout_seconds":31536001}"#, "timeout_seconds"),
    (#"{"kind":"a","placement":"moon"}"#, "placement"),
    (#"{"kind":"a","placement":1}"#, "placement"), (#"{"kind":"a","on_interruption":"panic"}"#, "on_interruption"),
    (#"{"kind":"a","tags":[]}"#, "tags"), (#"{"kind":"a","tags":{"x":1}}"#, "tags.x"),
    (#"{"kind":"a","tags":{"x":null}}"#, "tags.x"), (#"{"kind":"a","tags":{"":"1"}}"#, "tags"),
    (#"{"kind":"a","kind":"b"}"#, "kind"), (#"{"kind":"a","payload":"\u0000"}"#, "payload"),
    (#"{"kind":"a","payload":["\ud800"]}"#, "payload"), (#"{"kind":"a\u0000"}"#, "kind"),
  ])
  func aBadSubmissionNamesItsField(json: String, field: String) {
    #expect {
      try read(JobSubmission.self, json)
    } throws: { error in
      guard let error = error as? JSONError else { return false }
      if error.field != field { Issue.record("named '\(error.field)': \(error)") }
      return !error.expected.isEmpty
    }
  }

  @Test func whatWasExpectedIsSaid() {
    let expectations: [(String, String)] = [
      (#"{"kind":"a","priority":101}"#, "'priority' must be an integer from -100 to 100"),
      (#"{"kind":"a","placement":"x"}"#, "'placement' must be one of 'any', 'spot', 'on_demand'"),
      (#"{"kind":"a","run_at":"x"}"#, "'run_at' must be an RFC 3339 instant such as 2026-01-31T12:00:00Z"),
      (#"{"kind":"a","delay_seconds":-1}"#, "'delay_seconds' must be a number from 0 to 315360000"),
      (#"{"kind":"a","timeout_seconds":0}"#, "'timeout_seconds' must be a number above 0"),
      (#"{"kind":"a","queue":"é"}"#, "'queue' must be \(Names.expected)"),
      ("[]", "the body must be an object"),
    ]
    for (json, message) in expectations {
      #expect {
        try read(JobSubmission.self, json)
      } throws: { "\($0)" == message }
    }
  }

  @Test func tagsAreLimited() throws {
    func submission(_ count: Int, name: String = "t", text: String = "x") -> String {
      let tags = (0..<count).map { "\"\(name)\($0)\":\"\(text)\"" }.joined(separator: ",")
      return "{\"kind\":\"a\",\"tags\":{\(tags)}}"
    }
    #expect(try read(JobSubmission.self, submission(64)).tags.count == 64)
    #expect(throws: JSONError.self) { try read(JobSubmission.self, submission(65)) }
    _ = try read(JobSubmission.self, submission(1, name: String(repeating: "n", count: 127)))
    #expect(throws: JSONError.self) {
      try read(JobSubmission.self, submission(1, name: String(repeating: "n", count: 128)))
    }
    _ = try read(JobSubmission.self, submission(1, text: String(repeating: "x", count: 1024)))
    #expect(throws: JSONError(field: "tags.t0", expected: "a string of at most 1024 bytes")) {
      try read(JobSubmission.self, submission(1, text: String(repeating: "x", count: 1025)))
    }
  }

  @Test func aBatchHoldsAtMostTenThousandJobs() throws {
    func batch(_ count: Int) -> String {
      "{\"jobs\":[" + Array(repeating: #"{"kind":"a"}"#, count: count).joined(separator: ",") + "]}"
    }
    #expect(try read(BatchSubmission.self, batch(10_000)).jobs.count == 10_000)
    #expect(throws: JSONError(field: "jobs[10000]", expected: "absent: a batch holds at most 10000 jobs")) {
      try read(BatchSubmission.self, batch(10_001))
    }
    #expect(throws: JSONError(field: "jobs", expected: "given: an array of jobs")) {
      try read(BatchSubmission.self, "{}")
    }
    #expect(throws: JSONError(field: "jobs[3].priority", expected: "an integer from -100 to 100")) {
      try read(BatchSubmission.self, #"{"jobs":[{"kind":"a"},{"kind":"a"},{"kind":"a"},{"kind":"a","priority":999}]}"#)
    }
  }

  @Test(arguments: [
    (#"{}"#, "worker_id"), (#"{"worker_id":"a/b"}"#, "worker_id"), (#"{"worker_id":"w","max":0}"#, "max"),
    (#"{"worker_id":"w","max":1001}"#, "max"), (#"{"worker_id":"w","queues":[]}"#, "queues"),
    (#"{"worker_id":"w","queues":["a","b c"]}"#, "queues[1]"), (#"{"worker_id":"w","kinds":[1]}"#, "kinds[0]"),
    (#"{"worker_id":"w","wait_seconds":-1}"#, "wait_seconds"),
    (#"{"worker_id":"w","wait_seconds":60.1}"#, "wait_seconds"),
    (#"{"worker_id":"w","wait_seconds":"5"}"#, "wait_seconds"),
  ])
  func aBadLeaseRequestNamesItsField(json: String, field: String) {
    #expect {
      try read(LeaseRequest.self, json)
    } throws: { ($0 as? JSONError)?.field == field }
  }

  @Test(arguments: [
    (#"{}"#, "results"), (#"{"results":[{}]}"#, "results[0].lease_id"),
    (#"{"results":[{"lease_id":"x"}]}"#, "results[0].lease_id"),
    (#"{"results":[{"lease_id":"9b2f1c3d-4e5a-4b6c-8d7e-0f1a2b3c4d5e"}]}"#, "results[0].outcome"),
    (#"{"results":[{"lease_id":"9b2f1c3d-4e5a-4b6c-8d7e-0f1a2b3c4d5e","outcome":"lost"}]}"#, "results[0].outcome"),
    (
      #"{"results":[{"lease_id":"9b2f1c3d-4e5a-4b6c-8d7e-0f1a2b3c4d5e","outcome":"failed","delay_seconds":-2}]}"#,
      "results[0].delay_seconds"
    ),
    (
      #"{"results":[{"lease_id":"9b2f1c3d-4e5a-4b6c-8d7e-0f1a2b3c4d5e","outcome":"done","result":"\ud800"}]}"#,
      "results[0].result"
    ),
  ])
  func aBadSettlementNamesItsField(json: String, field: String) {
    #expect {
      try read(SettleRequest.self, json)
    } throws: { ($0 as? JSONError)?.field == field }
  }

  @Test(arguments: [
    (#"{"state":"sleepy"}"#, "state"), (#"{"leases":[{}]}"#, "leases[0].lease_id"),
    (
      #"{"leases":[{"lease_id":"9b2f1c3d-4e5a-4b6c-8d7e-0f1a2b3c4d5e","progress":{"fraction":"x"}}]}"#,
      "leases[0].progress.fraction"
    ),
  ])
  func aBadHeartbeatNamesItsField(json: String, field: String) {
    #expect {
      try read(Heartbeat.self, json)
    } throws: { ($0 as? JSONError)?.field == field }
  }

  @Test func longTextsOfWorkersAreCutBetweenCharacters() throws {
    let lease = #""lease_id":"9b2f1c3d-4e5a-4b6c-8d7e-0f1a2b3c4d5e""#
    // Three bytes a character: the limit falls inside of one.
    let long = String(repeating: "€", count: 10_000)
    let settlement = try read(
      Settlement.self,
      #"{\#(lease),"outcome":"failed","reason":"\#(long)","error":{"code":"\#(long)","message":"\#(long)"}}"#)
    #expect(settlement.reason == String(repeating: "€", count: 341))
    #expect(settlement.error?.code == String(repeating: "€", count: 42))
    #expect(settlement.error?.message == String(repeating: "€", count: 5461))
    let heartbeat = try read(Heartbeat.self, #"{"leases":[{\#(lease),"progress":{"message":"\#(long)"}}]}"#)
    #expect(heartbeat.leases[0].progress?.message == String(repeating: "€", count: 341))
  }
}
