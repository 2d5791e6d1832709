import BatonJSON
import BatonShared
import BatonTestSupport
import Foundation
import Testing

@testable import BatonMetadataDouble
@testable import BatonWorker

/// What clouds' metadata services answer, and what the double of one is told: bytes of others, all of them.
@Suite struct MetadataFuzzTests {
  private static let now = Date(timeIntervalSince1970: 1_795_000_000)

  /// Whatever is read is something that a worker can act on.
  private func take(_ events: [InterruptionEvent], into policy: inout InterruptionPolicy) {
    for event in events {
      #expect(event.notice.secondsLeft.map { $0.isFinite && $0 >= 0 } ?? true, "\(event)")
      #expect(!event.notice.source.isEmpty && !event.notice.action.isEmpty, "\(event)")
      _ = policy.receive(event, at: .now)
      if let drain = policy.drain { #expect(drain.window >= 0 && drain.window.isFinite) }
    }
  }

  // MARK: Dates

  @Test(arguments: seeds) func datesAreReadBackAsTheyWereWritten(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let days = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
    for _ in 0..<cases {
      let date = Date(timeIntervalSince1970: Double(Int.random(in: -2_000_000_000...20_000_000_000, using: &random)))
      let text = MetadataDouble.httpDate(date)
      #expect(CloudDate.rfc3339(MetadataDouble.rfc3339(date)) == date)
      #expect(CloudDate.httpDate(text) == date, "\(text)")
      #expect(CloudDate.httpDate("\(days.randomElement(using: &random)!), \(text)") == date, "\(text)")
      if text.hasPrefix("0") { #expect(CloudDate.httpDate(String(text.dropFirst())) == date, "\(text)") }
    }
  }

  @Test(arguments: seeds) func damagedDatesAreRefusedOrAreInTheCalendar(seed: UInt64) async {
    let good = [
      "21 Jan 2019 09:00:43 GMT", "Mon, 1 Feb 2021 23:59:59 UTC", "2017-09-18T08:22:00Z", "2026-01-31T12:00:00.5+01:00",
    ]
    await damagedText(good, seed: seed) { text in
      for date in [CloudDate.httpDate(text), CloudDate.rfc3339(text)].compactMap({ $0 }) {
        #expect((-62_135_596_800.0..<253_402_300_800).contains(date.timeIntervalSince1970), "\(text)")
      }
      // The two forms have nothing in common.
      #expect(CloudDate.httpDate(text) == nil || CloudDate.rfc3339(text) == nil)
    }
  }

  // MARK: Google Cloud

  @Test(arguments: seeds) func valuesOfGoogleCloud(seed: UInt64) async {
    let good = [
      "TRUE", "FALSE", "NONE", "TERMINATE_ON_HOST_MAINTENANCE", "MIGRATE_ON_HOST_MAINTENANCE",
      "projects/1/zones/europe-west3-b", "projects/1/machineTypes/n2-standard-4", "SPOT", "STANDARD",
    ]
    var policy = InterruptionPolicy()
    var counts = (preempted: 0, maintained: 0)
    await damagedText(good, seed: seed) { text in
      if let event = GCPSource.preemption(text) {
        counts.preempted += 1
        #expect(text.uppercased() == "TRUE" && event.kind == .spotNotice)
        take([event], into: &policy)
      }
      if let event = GCPSource.maintenance(text) {
        counts.maintained += 1
        #expect(text == "TERMINATE_ON_HOST_MAINTENANCE" && event.kind == .scheduledMaintenance)
        take([event], into: &policy)
      }
      if let part = GCPMetadata.lastPart(text) { #expect(!part.isEmpty && !part.contains("/") && text.contains(part)) }
      // A value that is damaged says nothing, not the contrary.
      if GCPMetadata.capacityType(preemptible: text, model: nil) == .spot { #expect(text.uppercased() == "TRUE") }
      if GCPMetadata.capacityType(preemptible: nil, model: text) == .onDemand {
        #expect(text.uppercased() == "STANDARD")
      }
    }
    #expect(counts.preempted > 0 && counts.maintained > 0, "else nothing was tested")
  }

  // MARK: EC2 and Azure

  @Test(arguments: seeds) func whatEC2Says(seed: UInt64) async {
    let good = [
      #"{"action":"terminate","time":"2026-11-21T21:27:07Z"}"#, "2026-11-21T21:27:07Z",
      #"{"noticeTime":"2026-11-21T21:27:07Z"}"#, "InService", "Warmed:Hibernated", "Terminated",
      #"[{"NotBefore":"21 Jan 2027 09:00:43 GMT","Code":"instance-stop","Description":"scheduled","EventId":"e-0","#
        + #""NotAfter":"21 Jan 2027 10:00:43 GMT","State":"active"}]"#,
    ]
    let signals: [any EC2Signal] = [
      SpotActionSignal(), TerminationTimeSignal(), RebalanceSignal(), LifecycleStateSignal(), MaintenanceSignal(),
    ]
    var policy = InterruptionPolicy()
    var count = 0
    await damagedText(good, seed: seed) { text in
      for signal in signals {
        let events = signal.events(in: text, at: Self.now) ?? []
        count += events.count
        #expect(events.allSatisfy { $0.notice.source == signal.source })
        take(events, into: &policy)
      }
    }
    #expect(count > 5)
  }

  @Test(arguments: seeds) func whatAzureSays(seed: UInt64) async {
    let good = [
      #"{"DocumentIncarnation":3,"Events":[{"EventId":"f","EventType":"Preempt","ResourceType":"VirtualMachine","#
        + #""Resources":["worker_3"],"EventStatus":"Scheduled","NotBefore":"Mon, 19 Sep 2026 18:29:47 GMT"}]}"#,
      #"{"DocumentIncarnation":1,"Events":[]}"#,
      #"{"compute":{"name":"worker_3","vmId":"02aab8a4","vmSize":"Standard_D4s_v5","location":"westeurope","zone":"2","#
        + #""priority":"Spot","tags":null}}"#,
    ]
    var policy = InterruptionPolicy()
    var counts = (events: 0, instances: 0)
    await damagedText(good, seed: seed) { text in
      if let document = AzureScheduledEvents(text) {
        let events = document.interruptions(of: "WORKER_3", at: Self.now)
        counts.events += events.count
        #expect(events.count <= document.events.count)
        #expect(events.allSatisfy { AzureScheduledEvents.sources.contains($0.notice.source) })
        take(events, into: &policy)
      }
      if let instance = AzureInstance(text) {
        counts.instances += 1
        #expect(!instance.name.isEmpty && instance.identity.provider == "azure")
      }
    }
    #expect(counts.events > 0 && counts.instances > 0)
  }

  @Test(arguments: seeds) func addressesOfMetadataServices(seed: UInt64) async {
    let good = [
      "http://127.0.0.1:1338", "http://169.254.169.254/latest/meta-data/", "http://h/metadata/scheduledevents/",
    ]
    await damagedText(good, seed: seed) { text in
      let base = MetadataHTTP.base(of: text)
      #expect(text.hasPrefix(base) && !base.hasSuffix("/"), "\(text)")
    }
  }

  // MARK: The double

  /// What a damaged order leaves is a double that still says only what workers can read.
  @Test(arguments: seeds) func scriptsOfTheDouble(seed: UInt64) async {
    let good = [
      #"{"notice":{"action":"terminate","after_seconds":0,"seconds":120,"moving":false},"rebalance":true}"#,
      #"{"notice":null,"maintenance":{"action":"instance-stop","seconds":-31536000}}"#,
      #"{"lifecycle_state":"Terminated","values":{"spot/termination-time":"x","instance-id":null},"versions":"both"}"#,
      #"{"maximum_token_life":5,"token_delay_seconds":0.5,"token_status":403,"failures":[500,503],"failure_rate":0.25}"#,
      #"{"requests_per_second":3,"notice":{"seconds":31536000,"moving":true}}"#,
    ]
    var counts = (taken: 0, refused: 0, notices: 0)
    for provider in [MetadataProvider.aws, .azure] {
      var script = MetadataScript(provider: provider)
      await damagedText(good, seed: seed) { text in
        let before = script
        do throws(JSONError) {
          try script.apply(json: Array(text.utf8))
        } catch {
          counts.refused += 1
          #expect(!error.description.isEmpty && !error.description.contains("\0"))
          #expect(script.values == before.values, "a bad order changes nothing: \(text)")
          #expect(script.notice == before.notice && script.maintenance == before.maintenance, "\(text)")
          #expect(script.failures == before.failures && script.tokenStatus == before.tokenStatus, "\(text)")
          return
        }
        counts.taken += 1
        #expect((0...1).contains(script.failureRate) && script.failures.allSatisfy { (400...599).contains($0) })
        let state = MetadataState(script: script, seed: seed)
        guard let notice = state.notice(at: Date() + 1) else { return }
        guard script.values["spot/instance-action"] == nil, script.values["scheduledevents"] == nil else { return }
        let isPlain =
          notice.action.utf8.allSatisfy { (0x61...0x7A).contains($0) } && (1...64) ~= notice.action.utf8.count
        guard isPlain, provider == .aws else { return }
        let said = state.ec2Text("spot/instance-action", at: Date() + 1)
        #expect(said.flatMap(SpotInstanceAction.init)?.action == notice.action, "\(said ?? "")")
        counts.notices += 1
      }
    }
    #expect(counts.taken > 20 && counts.refused > 100 && counts.notices > 0, "\(counts)")
  }
}
