/// Whether coordinators that could not do what a client asked for said so as they should: not now, and when to ask
/// again.
extension FaultCheck {
  func judgeRefusals(_ verdict: inout FaultVerdict) {
    for entry in history {
      guard case .refused(let act, let status, let part, let saysWhen, let sentAt) = entry.event else { continue }
      verdict.refusals.append(entry.at - sentAt)
      let text = "\(part) answered a \(act.rawValue) with \(status), \(tenths(entry.at)) s into the drill"
      if status >= 500, status != 503 { verdict.violations.append(text) }
      if status == 503, !saysWhen { verdict.violations.append("\(text), and did not say when to ask again") }
    }
  }
}
