/// What networks do between two parts of the fleet.
struct NetworkFault: Fault {
  enum Place: String, Sendable, CaseIterable {
    /// Between the workers and both coordinators.
    case workers
    /// Between both coordinators and the database.
    case database

    var words: String {
      switch self {
      case .workers: "between workers and coordinators"
      case .database: "between coordinators and database"
      }
    }
  }

  enum Kind: String, Sendable, CaseIterable {
    case cut
    case cutToServer = "cut-requests"
    case cutToClient = "cut-answers"
    case delay
    case reset
    case halfOpen = "half-open"

    var words: String {
      switch self {
      case .cut: "nothing arrives for 8 s"
      case .cutToServer: "no request arrives for 8 s"
      case .cutToClient: "no answer arrives for 8 s"
      case .delay: "everything arrives 0.3 s late for 8 s"
      case .reset: "all connections are reset, once a second for 5 s"
      case .halfOpen: "all connections die without a word; new ones work"
      }
    }
  }

  let place: Place
  let kind: Kind

  static let all: [any Fault] = Place.allCases.flatMap { place in
    Kind.allCases.map { NetworkFault(place: place, kind: $0) }
  }

  var name: String { "\(place.rawValue)-\(kind.rawValue)" }
  var summary: String { "\(place.words): \(kind.words)" }
  var endurance: Endurance { kind == .delay ? .goesOn : .none }

  func inflict(on stage: FaultStage) async throws -> String? {
    let links = stage.links(place)
    switch kind {
    case .cut: return try await hold(.cut, links, stage)
    case .cutToServer: return try await hold(.cutToServer, links, stage)
    case .cutToClient: return try await hold(.cutToClient, links, stage)
    case .delay: return try await hold(.delay(seconds: 0.3), links, stage)
    case .reset:
      var count = 0
      for _ in 0..<5 {
        for link in links { count += link.reset() }
        try await stage.hold(seconds: 1)
      }
      return count > 0 ? "\(count) connections" : nil
    case .halfOpen:
      var count = 0
      for link in links { count += await link.abandon() }
      return count > 0 ? "\(count) connections" : nil
    }
  }

  private func hold(_ mode: TCPProxy.Mode, _ links: [TCPProxy], _ stage: FaultStage) async throws -> String? {
    for link in links { link.set(mode) }
    let isAway = place == .database && mode.isCut
    if isAway { stage.note(.database(isThere: false)) }
    defer {
      if isAway { stage.note(.database(isThere: true)) }
      for link in links { link.set(.pass) }
    }
    try await stage.hold(seconds: 8)
    return "\(links.count) links"
  }
}
