import BatonShared
import Testing

@testable import BatonDrill

/// Whether the programs of a fleet ended only when the drill ended them: in both sorts of history.
@Suite struct ProgramEndsTests: FaultHistories {
  private func violations(_ program: String, _ ending: ProcessEnding, _ demand: ProgramDemand) -> [String] {
    var history = history()
    history.at(20, .programEnded(program, ending, demand))
    var check = StreamCheck()
    check.take(StreamEntry(at: 20, event: .programEnded(program, ending, demand)))
    let found = verdict(history).violations
    #expect(check.verdict().violations.filter { $0.hasPrefix(program) } == found)
    return found
  }

  @Test func whatTheDrillEndsMayEnd() {
    #expect(violations("worker-1-1", .exited(0), .told) == [])
    #expect(violations("worker-1-1", .signalled(9), .killed) == [])
    // It was just going when it was killed.
    #expect(violations("worker-1-1", .exited(0), .killed) == [])
  }

  @Test func aProgramThatEndsByItselfIsFoundThoughItIsStartedAgain() {
    #expect(
      violations("coordinator-1-2", .exited(1), .none) == ["coordinator-1-2 ended by itself (exit status 1)"])
    #expect(violations("coordinator-1-2", .signalled(4), .none) == ["coordinator-1-2 ended by itself (signal 4)"])
    #expect(violations("worker-3-1", .exited(0), .none) == ["worker-3-1 ended by itself (exit status 0)"])
  }

  @Test func aProgramThatGoesOtherwiseThanInGoodOrderIsFound() {
    #expect(
      violations("worker-1-1", .exited(1), .told) == ["worker-1-1 was told to go, and ended with exit status 1"])
    #expect(violations("worker-1-1", .signalled(15), .told).count == 1)
  }

  @Test func aProgramThatDoesNotGoIsFound() {
    #expect(
      violations("worker-1-1", .signalled(9), .overdue)
        == ["worker-1-1 was told to go, and was still there when its time was over"])
  }

  @Test func anOlderHistoryIsJudgedWithoutThem() {
    let entries = history().entries.filter { if case .programEnded = $0.event { false } else { true } }
    let verdict = FaultCheck(history: entries, faults: [fault]).verdict()
    #expect(verdict.violations == [])
    #expect(
      verdict.remarks == ["the history does not tell how programs ended: whether each was asked to is not judged"])
  }

  @Test func theReportCountsThem() {
    #expect(
      verdict(history()).ends.description
        == "Programs that ended: 1 killed by the drill, 4 told to go")
  }

  @Test func aProcessRemembersWhatItWasAsked() async throws {
    func ending(of script: String, _ ask: (DrillProcess) async -> Void) async -> (ProcessEnding?, ProgramDemand) {
      let process = DrillProcess(
        name: "sh", executable: "/bin/sh", arguments: ["-c", script], environment: [:], log: "/dev/null")
      return await withTaskGroup(of: Void.self) { group in
        group.addTask { await process.run() }
        await process.started.wait()
        await ask(process)
        return (await process.ended.wait(), process.demand)
      }
    }
    let alone = await ending(of: "exit 3") { _ in }
    #expect(alone == (.exited(3), .none))
    let killed = await ending(of: "sleep 60") { process in
      process.signal(Signals.terminate)
      process.signal(Signals.kill)
    }
    #expect(killed.1 == .killed)
    let polite = #"trap 'kill $child; exit 0' TERM; sleep 60 & child=$!; echo '{"message":"listening"}'; wait"#
    let told = await ending(of: polite) { await $0.end(within: 30) }
    #expect(told == (.exited(0), .told))
    let deaf = await ending(of: #"trap '' TERM; echo '{"message":"listening"}'; exec sleep 60"#) {
      await $0.end(within: 0.2)
    }
    #expect(deaf == (.signalled(Signals.kill), .overdue))
  }
}
