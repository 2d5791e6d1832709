import BatonTestSupport
import Testing

@testable import BatonPostgres

/// `DATABASE_URL` with passwords of all sorts, encoded as they must be or as people forget to.
@Suite struct DatabaseAddressFuzzTests {
  /// Nothing listens there, and no name has to be looked up.
  private static let places = ["127.0.0.1:1/jobs", "127.0.0.1:1,127.0.0.1:2/jobs?sslmode=disable", "127.0.0.1:1"]

  @Test(arguments: seeds) func noPartOfAPasswordIsShown(seed: UInt64) async {
    var random = SeededGenerator(seed: seed)
    let characters = Array("abcxyz0123456789@/:?#%,&!")
    for _ in 0..<cases / 10 {
      // Digits in front are what a port may look like.
      let digits = String(
        (0..<Int.random(in: 0...3, using: &random)).map { _ in "0123456789".randomElement(using: &random)! })
      let password = digits + String((0..<12).map { _ in characters.randomElement(using: &random)! })
      let place = Self.places.randomElement(using: &random)!
      let configuration = PostgresConfiguration(url: "postgresql://ann:\(password)@\(place)")
      var shown = ["\(configuration)", String(reflecting: configuration)]
      do {
        _ = try await PostgresConnection.connect(configuration, logger: .quiet)
      } catch {
        shown.append("\(error)")
      }
      #expect(shown.count == 3, "nobody is there to connect to")
      let bytes = Array(password)
      for start in 0...(bytes.count - 5) {
        let part = String(bytes[start..<(start + 5)])
        #expect(shown.allSatisfy { !$0.contains(part) }, "\(password): \(shown)")
      }
    }
  }
}
