import BatonJSON
import BatonShared
import BatonTestSupport
import Testing

@testable import BatonCommandLine
@testable import BatonCoordinator
@testable import BatonWorker

/// What comes in files, addresses and payloads.
@Suite struct FileFuzzTests {
  @Test(arguments: seeds) func batchFiles(seed: UInt64) async {
    let good = [
      "\u{FEFF}{\"kind\":\"a\"}\n\n{\"kind\":\"b\",\"payload\":[1]}\r\n", "{\"kind\":\"a\",\"tags\":{\"t\":\"x\"}}",
    ]
    await damaged(good, seed: seed) { bytes in
      guard let jobs = try? BatchFile.jobs(bytes, name: "jobs.jsonl") else { return }
      let batches = BatchFile.batches(jobs, maximumJobs: 2, maximumBytes: 2000)
      #expect(batches.reduce(0) { $0 + $1.count } == jobs.count && batches.allSatisfy { (1...2).contains($0.count) })
    }
  }

  @Test(arguments: seeds) func queriesOfAddresses(seed: UInt64) async {
    let good = ["status=queued&queue=a&kind=b&limit=7&tag.team=m%20l+x", "cursor=9b2f1c3d-4e5a-4b6c-8d7e-0f1a2b3c4d5e"]
    await damaged(good, seed: seed) { bytes in
      let text = String(decoding: bytes, as: UTF8.self)
      do throws(Problem) {
        let query = try QueryString(text)
        let listing = try JobListing(query: query)
        #expect((1...PageRequest.maximumLimit).contains(listing.limit))
        #expect(listing.queue.map(Names.isValid) ?? true)
        #expect(listing.tags.allSatisfy { !$0.key.utf8.contains(0) && !$0.value.utf8.contains(0) })
      } catch {
        #expect(error.status == 400 && !error.detail.isEmpty && !error.detail.contains("\0"))
      }
    }
  }

  @Test(arguments: seeds) func progressFiles(seed: UInt64) async {
    await damaged(["0.42", #"{"fraction":0.42,"message":"epoch 3"}"#, "1", "null"], seed: seed) { bytes in
      guard let progress = ProgressFile.parse(bytes) else { return }
      #expect(progress.fraction.map { !$0.isNaN } ?? true)
    }
  }

  @Test(arguments: seeds) func payloadsOfTheBuiltInKinds(seed: UInt64) async {
    let good = [
      #"{"command":["python3","train.py"],"env":{"A":"b"},"cwd":"/tmp","input":{"x":[1]}}"#,
      #"{"steps":100,"step_seconds":0.1,"checkpoint_every":10,"fail_at":null}"#, #"{"seconds":2.5}"#,
      #"{"seconds":null}"#,
    ]
    var (sleeps, naps) = (0, 0)
    await damaged(good, seed: seed) { bytes in
      guard let payload = try? RawJSON(parsing: bytes) else { return }
      if let exec = try? ExecPayload(payload) {
        #expect(exec.command.first?.isEmpty == false)
        #expect(
          exec.command.allSatisfy { !$0.utf8.contains(0) } && exec.environment.keys.allSatisfy { !$0.contains("=") })
      }
      if let steps = try? StepsHandler.Payload(payload) {
        #expect(steps.steps >= 0 && steps.stepSeconds >= 0 && steps.checkpointEvery > 0)
      }
      if let sleep = try? SleepHandler.Payload(payload) {
        sleeps += 1
        guard let seconds = sleep.seconds else { return }
        naps += 1
        #expect((0...31_536_000).contains(seconds))
      }
    }
    #expect(naps > 0 && sleeps > naps, "\(sleeps), \(naps)")
  }

  @Test(arguments: seeds) func simulatedInterruptions(seed: UInt64) async {
    let good = [#"{"action":"stop","seconds":30}"#, #"{"action":"rebalance"}"#, #"{"seconds":0.5}"#, "{}"]
    var (taken, others) = (0, 0)
    await damaged(good, seed: seed) { bytes in
      do throws(JSONError) {
        let simulated = try SimulatedInterruption(json: bytes)
        taken += 1
        if simulated.action != .terminate { others += 1 }
        #expect((0...86_400).contains(simulated.seconds))
      } catch {
        #expect(!error.description.isEmpty && !error.description.contains("\0"))
      }
    }
    #expect(taken > 10 && others > 2 && taken < cases, "\(taken), \(others)")
  }

  @Test(arguments: seeds) func outputThatIsNotUTF8(seed: UInt64) async {
    await damaged(["plain", "größe 😀\n", "\r\n\u{FEFF}"], seed: seed) { bytes in
      #expect(PercentEncoding.decode(String(decoding: bytes, as: UTF8.self))?.utf8.count ?? 0 <= 3 * bytes.count)
    }
  }
}
