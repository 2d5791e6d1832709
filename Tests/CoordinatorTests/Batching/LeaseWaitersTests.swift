import BatonShared
import Testing

@testable import BatonCoordinator

@Suite struct LeaseWaitersTests {
  private let now = ContinuousClock.now
  private static func filter(_ queues: String..., capacity: CapacityType = .unknown) -> LeaseFilter {
    LeaseFilter(queues: queues, kinds: [], capacityType: capacity)
  }

  private func add(
    _ waiters: inout LeaseWaiters, _ worker: String, slots: Int = 1, _ filter: LeaseFilter = filter("a"),
    wait: Duration = .seconds(60)
  ) -> LeaseWaiters.ID {
    let id = waiters.nextID()
    waiters.add(id, workerID: worker, slots: slots, filter: filter, deadline: now + wait)
    return id
  }

  @Test func equalRequestsBecomeOneStatementAndOthersTheirOwn() throws {
    var waiters = LeaseWaiters()
    let one = add(&waiters, "w1", LeaseFilter(queues: ["b", "a", "b"], kinds: ["y", "x"], capacityType: .spot))
    let two = add(&waiters, "w2", LeaseFilter(queues: ["a", "b"], kinds: ["x", "y", "x"], capacityType: .spot))
    let other = add(&waiters, "w3", LeaseFilter(queues: ["a", "b"], kinds: ["x", "y"], capacityType: .onDemand))
    let first = try waiters.nextBatch()
    let second = try waiters.nextBatch()
    #expect(Set([first.waiters, second.waiters]) == [[one, two], [other]])
    #expect(waiters.takeBatch()?.waiters == nil)
  }

  @Test func jobsAreSpreadEachGetsItsFirstBeforeAnyGetsASecond() throws {
    var waiters = LeaseWaiters()
    _ = add(&waiters, "w1", slots: 3)
    _ = add(&waiters, "w2", slots: 1)
    _ = add(&waiters, "w3", slots: 2)
    let batch = try waiters.nextBatch()
    #expect(batch.slots.map(\.workerID) == ["w1", "w2", "w3", "w1", "w3", "w1"])
  }

  @Test func aFilterHasOneStatementAtATimeAndWhatComesMeanwhileIsTheNext() throws {
    var waiters = LeaseWaiters()
    let one = add(&waiters, "w1")
    let batch = try waiters.nextBatch()
    let two = add(&waiters, "w2")
    #expect(waiters.takeBatch()?.waiters == nil)
    #expect(waiters.finish(batch, granted: [one], found: 1, now: now) == [])
    #expect(try waiters.nextBatch().waiters == [two])
  }

  @Test func whomAStatementLeftNoRoomForAreInTheNextThoughTheyDoNotWait() throws {
    var waiters = LeaseWaiters()
    let one = add(&waiters, "w1", wait: .zero)
    let two = add(&waiters, "w2", wait: .zero)
    let other = add(&waiters, "w3", LeaseFilter(queues: ["a"], kinds: ["k"], capacityType: .unknown))
    let batch = try waiters.nextBatch()
    #expect(batch.waiters == [one, two])
    let beside = try waiters.nextBatch()
    #expect(beside.waiters == [other])
    // It skipped the jobs that the first had locked.
    #expect(waiters.finish(beside, granted: [], found: 0, now: now) == [])
    #expect(waiters.finish(batch, granted: [one], found: 1, leftOthers: true, now: now + .seconds(1)) == [])
    #expect(waiters.removeExpired(now: now + .seconds(1)) == [], "it has not had its turn")
    #expect(Set([try waiters.nextBatch().waiters, try waiters.nextBatch().waiters]) == [[two], [other]])
  }

  @Test func aWakeDuringTheFlightIsNotLost() throws {
    var waiters = LeaseWaiters()
    let id = add(&waiters, "w1")
    let batch = try waiters.nextBatch()
    waiters.wake(["a"])
    // The statement found nothing, because it had looked before the job was there.
    #expect(waiters.finish(batch, granted: [], found: 0, now: now) == [])
    let again = try waiters.nextBatch()
    #expect(again.waiters == [id])
    #expect(waiters.finish(again, granted: [], found: 0, now: now) == [])
    #expect(waiters.takeBatch()?.waiters == nil)
  }

  @Test func aWakeReachesThoseWhoseQueuesItNames() throws {
    var waiters = LeaseWaiters()
    let a = add(&waiters, "w1", Self.filter("a"))
    let both = add(&waiters, "w2", Self.filter("a", "b"))
    let c = add(&waiters, "w3", Self.filter("c"))
    func due() -> Set<LeaseWaiters.ID> {
      var ids: Set<LeaseWaiters.ID> = []
      while let batch = waiters.takeBatch() {
        ids.formUnion(batch.waiters)
        _ = waiters.finish(batch, granted: [], found: 0, now: now)
      }
      return ids
    }
    park(&waiters)
    waiters.wake(["b"])
    #expect(due() == [both])
    waiters.wake(["a", "x"])
    #expect(due() == [a, both])
    waiters.wake(["x"])
    #expect(due() == [])
    waiters.wake(nil)
    #expect(due() == [a, both, c])
  }

  @Test func whoDoesNotWaitGoesAfterOneLook() throws {
    var waiters = LeaseWaiters()
    let id = add(&waiters, "w1", wait: .zero)
    // Not before it has been in a statement, however late that is.
    #expect(waiters.removeExpired(now: now + .seconds(100)) == [])
    let batch = try waiters.nextBatch()
    #expect(waiters.removeExpired(now: now + .seconds(100)) == [])
    #expect(waiters.finish(batch, granted: [], found: 0, now: now) == [id])
    waiters.wake(nil)
    #expect(waiters.takeBatch()?.waiters == nil)
  }

  @Test func aParkedRequestGoesAtItsDeadline() throws {
    var waiters = LeaseWaiters()
    let short = add(&waiters, "w1", wait: .seconds(1))
    let long = add(&waiters, "w2", wait: .seconds(2))
    let batch = try waiters.nextBatch()
    #expect(waiters.finish(batch, granted: [], found: 0, now: now) == [])
    #expect(waiters.removeExpired(now: now + .milliseconds(999)) == [])
    #expect(waiters.removeExpired(now: now + .seconds(1)) == [short])
    #expect(waiters.removeExpired(now: now + .seconds(3)) == [long])
  }

  @Test func whoHasWaitedLongestIsServedFirst() throws {
    var waiters = LeaseWaiters()
    let one = add(&waiters, "w1")
    let two = add(&waiters, "w2")
    let batch = try waiters.nextBatch()
    _ = waiters.finish(batch, granted: [one], found: 1, now: now)
    let three = add(&waiters, "w3")
    waiters.wake(["a": 1])
    #expect(try waiters.nextBatch().waiters == [two, three])
  }

  /// More slots are asked for than a statement has, and there is no work: nobody may be left without an answer until
  /// the next wake-up, and nobody may keep the database busy either.
  @Test func thoseWhoDidNotFitIntoAStatementAreAnsweredWithoutAnotherWakeUp() throws {
    var waiters = LeaseWaiters()
    let one = add(&waiters, "w1", slots: 1)
    let first = try waiters.nextBatch()
    let impatient = [add(&waiters, "w2", slots: 1000, wait: .zero), add(&waiters, "w3", slots: 1000, wait: .zero)]
    let patient = (0..<3).map { add(&waiters, "p\($0)", slots: 1000, wait: .seconds(60)) }
    let last = add(&waiters, "w4", slots: 1000, wait: .zero)
    _ = waiters.finish(first, granted: [one], found: 1, now: now)
    var gone: [LeaseWaiters.ID] = []
    var statements = 0
    while let batch = waiters.takeBatch() {
      statements += 1
      guard statements < 100 else { throw Unexpected("the same statement again and again") }
      gone += waiters.finish(batch, granted: [], found: 0, now: now)
    }
    gone += waiters.removeExpired(now: now)
    #expect(Set(gone) == Set(impatient + [last]))
    #expect(Set(waiters.removeAll()) == Set(patient))
  }

  @Test func thoseWhoDidNotFitIntoAFullStatementAreInTheNext() throws {
    var waiters = LeaseWaiters()
    let one = add(&waiters, "w1", slots: 1000)
    let two = add(&waiters, "w2", slots: 1000)
    let first = try waiters.nextBatch()
    #expect(first.waiters == [one])
    _ = waiters.finish(first, granted: [one], found: 1000, now: now)
    #expect(try waiters.nextBatch().waiters == [two])
  }

  private func park(_ waiters: inout LeaseWaiters) {
    while let batch = waiters.takeBatch() { _ = waiters.finish(batch, granted: [], found: 0, now: now) }
  }

  @Test func aStatementIsAsLargeAsWhatItMayFindHoweverManyWait() throws {
    var waiters = LeaseWaiters()
    let ids = (0..<500).map { add(&waiters, "w\($0)", slots: 16) }
    park(&waiters)
    waiters.wake(["a": 1])
    let one = try waiters.nextBatch()
    #expect(one.waiters == Array(ids[..<4]) && one.slots.map(\.waiter) == one.waiters)
    #expect(waiters.finish(one, granted: [ids[0]], found: 1, now: now) == [])
    #expect(waiters.takeBatch()?.waiters == nil, "more slots than jobs: there are no others")
    // Those that found nothing keep their place.
    waiters.wake(["a": 100])
    let hundred = try waiters.nextBatch()
    #expect(hundred.waiters == Array(ids[1...200]) && hundred.slots.count == 200)
    _ = waiters.finish(hundred, granted: [], found: 0, now: now)
    // Who comes has all that it asks for, behind those who were there.
    let late = add(&waiters, "late", slots: 3)
    waiters.wake(["a": 1])
    #expect(try waiters.nextBatch().slots.map(\.waiter) == Array(ids[1...4]) + [late, late, late])
  }

  @Test func jobsAreSpreadOverThoseWhoWaitAndThoseWhoCome() throws {
    var waiters = LeaseWaiters()
    let parked = add(&waiters, "w1", slots: 16)
    park(&waiters)
    let fresh = add(&waiters, "w2", slots: 3)
    waiters.wake(["a": 2])
    #expect(try waiters.nextBatch().slots.map(\.waiter) == [parked, fresh, parked, fresh, parked, fresh, parked])
  }

  /// A statement that had to leave jobs does not change who waits longest.
  @Test func thoseForWhomAStatementLeftNoRoomKeepTheirPlace() throws {
    var waiters = LeaseWaiters()
    let ids = (0..<10).map { add(&waiters, "w\($0)", slots: 16) }
    park(&waiters)
    waiters.wake(["a": 2])
    let batch = try waiters.nextBatch()
    #expect(batch.waiters == Array(ids[..<4]))
    #expect(waiters.finish(batch, granted: [ids[0]], found: 1, leftOthers: true, now: now) == [])
    let next = try waiters.nextBatch()
    #expect(next.waiters == Array(ids[1...]), "in the order in which they came, with a slot each at first")
    #expect(next.slots.prefix(9).map(\.waiter) == Array(ids[1...]) && next.slots.count == 16)
    // None of them has been in no statement yet: nobody is to be told that the database does not keep up.
    _ = waiters.finish(next, granted: [], found: 0, now: now)
    #expect(waiters.removeNew(arrivedBefore: .now) == [])
  }

  @Test func aLoneWaiterHasAllItsSlotsForManyJobs() throws {
    var waiters = LeaseWaiters()
    _ = add(&waiters, "w", slots: 16)
    park(&waiters)
    waiters.wake(["a": 100])
    #expect(try waiters.nextBatch().slots.count == 16)
  }

  /// A wake-up from elsewhere does not say how much there is.
  @Test func asLongAsAllSlotsAreFilledTheNextStatementHasTwiceAsMany() throws {
    var waiters = LeaseWaiters()
    for number in 0..<2000 { _ = add(&waiters, "w\(number)") }
    park(&waiters)
    waiters.wake(Set(["a"]))
    var jobs = 300
    var sizes: [Int] = []
    while let batch = waiters.takeBatch() {
      sizes.append(batch.slots.count)
      let found = min(jobs, batch.slots.count)
      jobs -= found
      let granted = Set(batch.slots.prefix(found).map(\.waiter))
      _ = waiters.finish(batch, granted: granted, found: found, now: now)
    }
    #expect(sizes == [16, 32, 64, 128, 256])
    #expect(jobs == 0)
  }

  @Test func ofJobsThatNobodyHereTakesOthersAreToBeTold() throws {
    var waiters = LeaseWaiters()
    waiters.wake(["a": 1])
    #expect(waiters.takeUntaken() == ["a"], "nobody waits")
    let one = add(&waiters, "w1")
    park(&waiters)
    waiters.wake(["a": 1, "b": 1])
    #expect(waiters.takeUntaken() == ["b"])
    // All slots were filled, be it with what was there before: it may not be among it.
    _ = waiters.finish(try waiters.nextBatch(), granted: [one], found: 1, now: now)
    #expect(waiters.takeUntaken() == ["a"])

    let two = add(&waiters, "w2", slots: 4)
    park(&waiters)
    waiters.wake(["a": 1])
    _ = waiters.finish(try waiters.nextBatch(), granted: [two], found: 1, now: now)
    #expect(waiters.takeUntaken() == [], "as many as were promised, and that was all there is")

    _ = add(&waiters, "w2", slots: 8)
    park(&waiters)
    waiters.wake(["a": 3])
    let few = try waiters.nextBatch()
    _ = waiters.finish(few, granted: Set(few.waiters), found: 1, now: now)
    #expect(waiters.takeUntaken() == ["a"], "two were left")

    let three = add(&waiters, "w3")
    let batch = try waiters.nextBatch()
    waiters.wake(["a": 1])
    _ = waiters.finish(batch, granted: [three], found: 1, now: now)
    #expect(waiters.takeUntaken() == ["a"], "it came behind the statement, and nobody is left")

    let gone = add(&waiters, "w4")
    park(&waiters)
    waiters.wake(["a": 1])
    waiters.remove(gone)
    #expect(waiters.takeBatch()?.waiters == nil)
    #expect(waiters.takeUntaken() == ["a"], "the one who waited has gone")

    _ = add(&waiters, "w5")
    park(&waiters)
    waiters.wake(["a": 1])
    _ = waiters.fail(try waiters.nextBatch())
    #expect(waiters.takeUntaken() == ["a"], "the statement failed")

    _ = add(&waiters, "w6")
    park(&waiters)
    waiters.wake(["a": 1])
    _ = waiters.removeAll()
    #expect(waiters.takeUntaken() == ["a"], "this coordinator gives out nothing any more")
  }

  @Test func aBusyFilterDoesNotStarveAnother() throws {
    var waiters = LeaseWaiters()
    // One lane, and three filters of which each wants more as soon as it is served.
    let filters = ["a", "b", "c"].map { Self.filter($0) }
    for filter in filters { _ = add(&waiters, "w", filter) }
    var served: [LeaseFilter: Int] = [:]
    for _ in 0..<30 {
      let batch = try waiters.nextBatch()
      served[batch.filter, default: 0] += 1
      _ = add(&waiters, "w", batch.filter)
      _ = waiters.finish(batch, granted: Set(batch.waiters), found: batch.slots.count, now: now)
    }
    #expect(filters.map { served[$0] ?? 0 } == [10, 10, 10])
  }

  @Test func whoeverHasGoneIsInNoStatementAndGetsNoAnswer() throws {
    var waiters = LeaseWaiters()
    let gone = add(&waiters, "w1")
    let stays = add(&waiters, "w2")
    waiters.remove(gone)
    let batch = try waiters.nextBatch()
    #expect(batch.waiters == [stays] && batch.slots.map(\.workerID) == ["w2"])
    waiters.remove(stays)
    #expect(waiters.finish(batch, granted: [], found: 0, now: now + .seconds(100)) == [])
    #expect(waiters.fail(batch) == [])
    #expect(waiters.removeAll() == [])
  }

  @Test func allRequestsOfAWorkerAreRemovedTogether() {
    var waiters = LeaseWaiters()
    let one = add(&waiters, "w1")
    let two = add(&waiters, "w1", Self.filter("b"))
    let other = add(&waiters, "w2")
    #expect(Set(waiters.remove(workerID: "w1")) == [one, two])
    #expect(waiters.removeAll() == [other])
  }

  @Test func aFailedStatementFailsThoseInItAndNobodyElse() throws {
    var waiters = LeaseWaiters()
    let one = add(&waiters, "w1")
    let batch = try waiters.nextBatch()
    let two = add(&waiters, "w2")
    #expect(waiters.fail(batch) == [one])
    #expect(try waiters.nextBatch().waiters == [two])
  }

  @Test func othersLookAgainAfterAStatementThatMayHaveLockedMoreThanItTook() throws {
    var waiters = LeaseWaiters()
    let wide = add(&waiters, "w1", Self.filter("a", "b"))
    let narrow = add(&waiters, "w2", Self.filter("b"))
    var batches: [LeaseWaiters.Batch] = []
    while let batch = waiters.takeBatch() { batches.append(batch) }
    let wideBatch = try #require(batches.first { $0.waiters == [wide] })
    let narrowBatch = try #require(batches.first { $0.waiters == [narrow] })
    // The narrow one skipped what the wide one had locked, and is parked by the time the wide one comes back.
    _ = waiters.finish(narrowBatch, granted: [], found: 0, now: now)
    #expect(waiters.takeBatch()?.waiters == nil)
    _ = waiters.finish(wideBatch, granted: [wide], found: 1, now: now)
    #expect(try waiters.nextBatch().waiters == [narrow])
  }
}

extension LeaseWaiters {
  /// The statement that must be due.
  fileprivate mutating func nextBatch() throws -> Batch {
    guard let batch = takeBatch() else { throw Unexpected("no statement is due") }
    return batch
  }
}
