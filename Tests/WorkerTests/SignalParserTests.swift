import BatonMetadataDouble
import BatonShared
import Testing

@testable import BatonWorker

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

@Suite struct SignalParserTests {
  private let now = CloudDate.rfc3339("2019-01-21T09:00:00Z")!

  @Test(arguments: [
    "21 Jan 2019 09:00:43 GMT", "Mon, 21 Jan 2019 09:00:43 GMT", "21 Jan 2019 09:00:43 UTC",
  ])
  func datesOfTheCloudsAreUnderstood(text: String) {
    #expect(CloudDate.httpDate(text)?.timeIntervalSince(now) == 43)
  }

  @Test(arguments: [
    "", "21 Jan 2019", "21 Foo 2019 09:00:43 GMT", "30 Feb 2019 09:00:43 GMT", "21 Jan 2019 25:00:43 GMT",
    "21 Jan 2019 09:00:43 CET", "021 Jan 2019 09:00:43 GMT", "21 Jan 19 09:00:43 GMT", "２1 Jan 2019 09:00:43 GMT",
  ])
  func whatIsNoDateIsNone(text: String) {
    #expect(CloudDate.httpDate(text) == nil)
  }

  @Test(
    arguments: [
      ("Terminated", "terminate"), ("Terminated\n", "terminate"), ("InService", nil), ("Detached", nil),
      ("Standby", nil), ("Warmed:Terminated", "terminate"), ("Warmed:Stopped", "stop"),
      ("Warmed:Hibernated", "hibernate"), ("Warmed:Running", nil), ("", nil),
    ] as [(String, String?)])
  func theStatesFromWhichNoWorkerComesBackAreEvents(text: String, action: String?) {
    let events = LifecycleStateSignal().events(in: text, at: now)
    #expect(events?.map(\.notice.action) == (action.map { [$0] } ?? []))
  }

  @Test func theOldNoticeIsBelievedOnlyIfItIsAnInstantToCome() {
    let signal = TerminationTimeSignal()
    #expect(signal.events(in: "2019-01-21T09:02:00Z", at: now)?.first?.notice.secondsLeft == 120)
    for text in ["2019-01-21T08:59:59Z", "2015-01-05T18:02:00Z", "", "none", "<html>", "2019-01-21"] {
      #expect(signal.events(in: text, at: now) == [], "\(text)")
    }
  }

  @Test func aRecommendationIsTold() {
    let signal = RebalanceSignal()
    #expect(signal.events(in: #"{"noticeTime":"2019-01-21T08:22:00Z"}"#, at: now)?.first?.kind == .rebalance)
    for text in ["", "{}", "null", #"{"noticeTime":"soon"}"#, #"{"noticeTime":1}"#] {
      #expect(signal.events(in: text, at: now) == nil, "\(text)")
    }
  }

  @Test func plannedMaintenanceIsReadWithItsTimes() throws {
    let text = """
      [{"NotBefore":"21 Jan 2019 09:00:43 GMT","Code":"system-reboot","Description":"scheduled reboot","EventId":"e1",
        "NotAfter":"21 Jan 2019 09:17:23 GMT","State":"active"},
       {"NotBefore":"21 Jan 2019 10:00:00 GMT","Code":"instance-retirement","EventId":"e2","State":"active"},
       {"NotBefore":"21 Jan 2019 09:00:43 GMT","Code":"instance-stop","State":"completed"},
       {"NotBefore":"21 Jan 2019 09:00:43 GMT","Code":"instance-stop","State":"active","Description":"[Canceled] stop"},
       {"NotBefore":"whenever","Code":"instance-stop","State":"active"}]
      """
    let events = try #require(MaintenanceSignal().events(in: text, at: now))
    #expect(events.map(\.notice.action) == ["reboot", "retire"])
    #expect(events.map(\.notice.secondsLeft) == [43, 3600])
    #expect(MaintenanceSignal().events(in: "[]", at: now) == [])
    for text in ["", "{}", "[", "[1]", #"[{"NotBefore":1}]"#, "[]x"] {
      #expect(MaintenanceSignal().events(in: text, at: now) == nil, "\(text)")
    }
  }

  @Test func azuresEventsCountOnlyIfTheyNameThisMachine() throws {
    func document(_ type: String, _ resources: String, _ notBefore: String, _ status: String = "Scheduled") -> String {
      #"{"DocumentIncarnation":5,"Events":[{"EventId":"x","EventType":"\#(type)","ResourceType":"VirtualMachine","#
        + #""Resources":\#(resources),"EventStatus":"\#(status)","NotBefore":"\#(notBefore)","DurationInSeconds":9}]}"#
    }
    func found(_ text: String) throws -> InterruptionEvent? {
      try #require(AzureScheduledEvents(text)).interruptions(of: "worker_3", at: now).first
    }
    let time = "Mon, 21 Jan 2019 09:00:43 GMT"
    let preempt = try found(document("Preempt", #"["other","Worker_3"]"#, time))
    #expect(preempt?.kind == .spotNotice && preempt?.notice.secondsLeft == 43)
    #expect(try found(document("Terminate", #"["worker_3"]"#, time))?.kind == .lifecycleState)
    #expect(try found(document("Reboot", #"["worker_3"]"#, time))?.kind == .scheduledMaintenance)
    #expect(try found(document("Redeploy", #"["worker_3"]"#, time))?.notice.action == "redeploy")
    #expect(try found(document("Preempt", #"["worker_3"]"#, "", "Started"))?.notice.secondsLeft == 0)
    #expect(try found(document("Freeze", #"["worker_3"]"#, time)) == nil)
    #expect(try found(document("Preempt", #"["worker_30","orker_3"]"#, time)) == nil)
    #expect(try found(document("Preempt", #"["worker_3"]"#, "soon")) == nil)
    #expect(try found(document("Preempt", #"["worker_3"]"#, time, "Completed")) == nil)
  }

  @Test func azuresMachineIsWhatItSays() throws {
    let text = #"""
      {"compute":{"name":"worker_3","vmId":"v","vmSize":"Standard_D4s_v5","location":"westeurope","zone":"2",
      "priority":"Spot","tagsList":[{"name":"name","value":"x"}],"n":1},"network":{"interface":[]}}
      """#
    let machine = try #require(AzureInstance(text))
    #expect(machine.name == "worker_3")
    #expect(
      machine.identity
        == InstanceIdentity(
          instanceID: "v", instanceType: "Standard_D4s_v5", availabilityZone: "westeurope-2", capacityType: .spot,
          provider: "azure"))
    #expect(AzureInstance(#"{"compute":{"name":"a","priority":""}}"#)?.identity.capacityType == .onDemand)
    #expect(AzureInstance(#"{"compute":{"name":"a"}}"#)?.identity.capacityType == .unknown)
    #expect(AzureInstance(#"{"compute":{"name":""}}"#) == nil)
  }

  @Test func googlesWordsAreUnderstood() {
    #expect(GCPSource.preemption("TRUE")?.notice.secondsLeft == 30)
    #expect(GCPSource.preemption("FALSE") == nil)
    #expect(GCPSource.preemption("") == nil)
    #expect(GCPSource.maintenance("TERMINATE_ON_HOST_MAINTENANCE")?.kind == .scheduledMaintenance)
    #expect(GCPSource.maintenance("MIGRATE_ON_HOST_MAINTENANCE") == nil)
    #expect(GCPSource.maintenance("NONE") == nil)
    #expect(GCPMetadata.lastPart("projects/1/machineTypes/n2-standard-4") == "n2-standard-4")
    #expect(GCPMetadata.capacityType(preemptible: "TRUE", model: nil) == .spot)
    #expect(GCPMetadata.capacityType(preemptible: "FALSE", model: "SPOT") == .spot)
    #expect(GCPMetadata.capacityType(preemptible: nil, model: "SPOT") == .spot)
    #expect(GCPMetadata.capacityType(preemptible: nil, model: nil) == .unknown)
  }

  /// Good documents with bytes changed, cut off and put in: nothing that is read may bring the worker down.
  @Test(arguments: 1...200)
  func malformedBytesBringNothingDown(seed: UInt64) {
    var random = SeededGenerator(seed: seed &* 0x9E37_79B9_7F4A_7C15 | 1)
    let good = [
      #"{"action":"terminate","time":"2017-09-18T08:22:00Z"}"#, #"{"noticeTime":"2019-01-21T08:22:00Z"}"#,
      #"[{"NotBefore":"21 Jan 2019 09:00:43 GMT","Code":"instance-stop","State":"active"}]"#,
      #"{"DocumentIncarnation":5,"Events":[{"EventType":"Preempt","Resources":["a"],"NotBefore":""}]}"#,
      #"{"compute":{"name":"a","priority":"Spot"}}"#, "TRUE", "Mon, 19 Sep 2016 18:29:47 GMT",
    ]
    for text in good {
      var bytes = Array(text.utf8)
      for _ in 0..<Int.random(in: 1...4, using: &random) where !bytes.isEmpty {
        let place = Int.random(in: 0..<bytes.count, using: &random)
        switch Int.random(in: 0..<3, using: &random) {
        case 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
        case 1: bytes.removeLast(bytes.count - place)
        default: bytes.insert(UInt8.random(in: 0...255, using: &random), at: place)
        }
      }
      let damaged = String(decoding: bytes, as: UTF8.self)
      let signals: [any EC2Signal] = [
        SpotActionSignal(), TerminationTimeSignal(), RebalanceSignal(), LifecycleStateSignal(), MaintenanceSignal(),
      ]
      for signal in signals {
        for event in signal.events(in: damaged, at: now) ?? [] { #expect(event.notice.action.utf8.count <= 64) }
      }
      _ = AzureScheduledEvents(damaged)?.interruptions(of: "a", at: now)
      _ = AzureInstance(damaged)
      _ = GCPSource.preemption(damaged)
      _ = CloudDate.httpDate(damaged)
    }
  }
}
