/// A settlement is applied, and its answer does not arrive: the worker has to ask again, and must be told the same.
struct AnswersLost: Fault {
  let name = "answers-lost"
  let summary = "the answers to 20 settlements are lost after they were applied"

  func inflict(on stage: FaultStage) async throws -> String? {
    let links = stage.coordinatorLinks
    let before = links.reduce(0) { $0 + $1.lostAnswers }
    for link in links { link.loseAnswers(toRequests: "POST /leases/settle", count: 10) }
    let end = ContinuousClock.now + .seconds(10)
    while links.reduce(0, { $0 + $1.lostAnswers }) - before < 20, ContinuousClock.now < end {
      try await Task.sleep(for: .milliseconds(100))
    }
    for link in links { link.loseAnswers(toRequests: "", count: 0) }
    let lost = links.reduce(0) { $0 + $1.lostAnswers } - before
    return lost > 0 ? "\(lost) answers" : nil
  }
}
