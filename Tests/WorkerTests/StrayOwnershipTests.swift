import Testing

@testable import BatonWorker

/// Whose a process is, decided on made-up tables of processes.
@Suite struct StrayOwnershipTests {
  private typealias Owner = ProcessOwnership.Owner

  /// The worker is 10; the programs 1 and 2 have the leaders 100 and 200, started at the times 1000 and 2000.
  private static func ownership(
    adoption: OrphanAdoption? = OrphanAdoption(marks: true), _ change: (inout ProcessOwnership) -> Void = { _ in }
  ) -> ProcessOwnership {
    var ownership = ProcessOwnership(
      programs: [
        .init(number: 1, lease: "one", registeredAt: 1000, leader: 100),
        .init(number: 2, lease: "two", registeredAt: 2000, leader: 200),
      ],
      nextNumber: 3, lookedAt: 9000, worker: 10, adoption: adoption)
    change(&ownership)
    return ownership
  }

  private static let base = [
    ProcessEntry(pid: 1, startedAt: 1, parent: 0, session: 1),
    ProcessEntry(pid: 10, startedAt: 500, parent: 1, session: 10),
    ProcessEntry(pid: 100, startedAt: 1001, parent: 10, session: 100),
    ProcessEntry(pid: 200, startedAt: 2001, parent: 10, session: 200),
  ]

  private static func owner(
    of entry: ProcessEntry, beside others: [ProcessEntry] = [], _ ownership: ProcessOwnership,
    number: UInt32? = nil, lease: String? = nil
  ) -> Owner? {
    ownership.owners(of: base + others + [entry]) { orphan in
      orphan.id == entry.id ? .init(number: number, lease: lease) : .init()
    }[entry.id]
  }

  private static func orphan(startedAt: UInt64 = 5000, session: Int32 = 300) -> ProcessEntry {
    ProcessEntry(pid: 300, startedAt: startedAt, parent: 10, session: session)
  }

  @Test func descendantsOfALeaderAreItsProgramsWhateverTheirSession() {
    let child = ProcessEntry(pid: 300, startedAt: 5000, parent: 200, session: 300)
    let grandchild = ProcessEntry(pid: 50, startedAt: 5001, parent: 300, session: 50)
    #expect(Self.owner(of: child, Self.ownership()) == .program(2))
    #expect(Self.owner(of: grandchild, beside: [child], Self.ownership()) == .program(2))
    #expect(Self.owner(of: child, Self.ownership(adoption: nil)) == .program(2))
  }

  @Test func neitherLeadersNorStrangersAreAnybodys() {
    let owners = Self.ownership().owners(of: Self.base) { _ in .init() }
    #expect(owners.isEmpty)
    let stranger = ProcessEntry(pid: 300, startedAt: 5000, parent: 1, session: 300)
    #expect(Self.owner(of: stranger, Self.ownership(), number: 1, lease: "one") == nil)
    #expect(Self.owner(of: Self.orphan(), Self.ownership(adoption: nil), number: 1) == nil, "it may be the host's own")
  }

  @Test func anOrphanIsToldByItsMarkSessionOrEnvironment() {
    #expect(Self.owner(of: Self.orphan(), Self.ownership(), number: 1) == .program(1))
    #expect(Self.owner(of: Self.orphan(session: 200), Self.ownership()) == .program(2))
    #expect(Self.owner(of: Self.orphan(), Self.ownership(), lease: "one") == .program(1))
    #expect(Self.owner(of: Self.orphan(session: 200), Self.ownership(), number: 1) == .program(1), "the mark is surest")
  }

  @Test func anOrphanThatWasSeenBelowAProgramIsItsAndSoIsItsSession() {
    let seen = Self.orphan()
    let ownership = Self.ownership { $0.programs[1].members = [seen.id] }
    #expect(Self.owner(of: seen, ownership) == .program(2))
    let sibling = ProcessEntry(pid: 301, startedAt: 5001, parent: 10, session: 300)
    #expect(Self.owner(of: sibling, beside: [seen], ownership) == .program(2))
    let successor = ProcessEntry(pid: 300, startedAt: 6000, parent: 10, session: 300)
    #expect(Self.owner(of: successor, ownership) == .unclear, "another process that was given the number")
    let unadopted = ProcessEntry(pid: 300, startedAt: 5000, parent: 1, session: 300)
    #expect(
      Self.owner(of: unadopted, Self.ownership(adoption: nil) { $0.programs[1].members = [unadopted.id] })
        == .program(2))
  }

  @Test func anOrphanOfAProgramThatHasEndedIsNobodys() {
    let ownership = Self.ownership { $0.programs.removeFirst() }
    #expect(Self.owner(of: Self.orphan(), ownership, number: 1) == .nobody)
    #expect(Self.owner(of: Self.orphan(), ownership, lease: "one") == .nobody)
    #expect(Self.owner(of: Self.orphan(), Self.ownership { $0.programs = [] }) == .nobody)
    let older = Self.orphan(startedAt: 1500)
    #expect(Self.owner(of: older, ownership) == .nobody, "older than every program that runs")
  }

  @Test func anOrphanWithoutATraceIsNotEndedAsLongAsItMayBeARunningPrograms() {
    #expect(Self.owner(of: Self.orphan(), Self.ownership()) == .unclear)
    #expect(Self.owner(of: Self.orphan(startedAt: 1500), Self.ownership()) == .unclear)
    #expect(Self.owner(of: Self.orphan(startedAt: 999), Self.ownership()) == .nobody)
  }

  @Test func aChildThatMayBeALeaderIsLeftAlone() {
    #expect(Self.owner(of: Self.orphan(startedAt: 9000), Self.ownership()) == .young)
    #expect(Self.owner(of: Self.orphan(), Self.ownership(), number: 3) == .young, "of a program announced since")
    let spawning = Self.ownership { $0.programs[1].leader = nil }
    #expect(Self.owner(of: Self.orphan(), spawning, number: 2) == .young)
    #expect(Self.owner(of: Self.orphan(), spawning) == .young)
    #expect(Self.owner(of: Self.orphan(startedAt: 1999), spawning) == .unclear)
    let child = ProcessEntry(pid: 301, startedAt: 5000, parent: 300, session: 300)
    #expect(Self.owner(of: child, beside: [Self.orphan(startedAt: 9000)], Self.ownership()) == .young)
  }

  @Test func whatWasThereBeforeIsForeignWithItsDescendants() {
    let elder = Self.orphan(startedAt: 400)
    let adoption = OrphanAdoption(elders: [elder.id], sparesUnmarked: true, marks: true)
    let ownership = Self.ownership(adoption: adoption)
    #expect(Self.owner(of: elder, ownership) == .foreign)
    let child = ProcessEntry(pid: 301, startedAt: 5000, parent: 300, session: 301)
    #expect(Self.owner(of: child, beside: [elder], ownership) == .foreign)
    let orphan = ProcessEntry(pid: 302, startedAt: 5000, parent: 10, session: 302)
    #expect(Self.owner(of: orphan, beside: [elder], ownership) == .foreign, "it may be the elder's")
    #expect(Self.owner(of: orphan, beside: [elder], ownership, number: 2) == .program(2))
  }

  @Test func aTableThatGoesInACircleIsNoTrap() {
    let one = ProcessEntry(pid: 300, startedAt: 5000, parent: 301, session: 1)
    let two = ProcessEntry(pid: 301, startedAt: 5000, parent: 300, session: 1)
    #expect(Self.owner(of: one, beside: [two], Self.ownership()) == nil)
  }

  @Test func aLineOfTheTableIsReadWhateverTheProgramsName() throws {
    let line = "42 (a) b (c)) S 7 42 41 0 -1 4194304 " + (1...12).map(String.init).joined(separator: " ") + " 987 1 2 3"
    let entry = try #require(ProcessEntry(stat: Array(line.utf8)))
    #expect(entry == ProcessEntry(pid: 42, startedAt: 987, parent: 7, session: 41, processorTicks: 11))
    #expect(
      ProcessEntry(stat: Array("42 (x) Z 7 42 41 0 -1 0 1 2 3 4 5 6 7 8 9 10 11 12 987 0".utf8))?.isZombie == true)
    #expect(ProcessEntry(stat: Array("42 (x) S 7".utf8)) == nil)
    #expect(ProcessEntry(stat: []) == nil)
  }
}
