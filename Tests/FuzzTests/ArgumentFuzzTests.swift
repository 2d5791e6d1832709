import BatonShared
import BatonTelemetry
import BatonTestSupport
import Testing

@testable import BatonClient
@testable import BatonCommandLine
@testable import BatonWorker

/// What people and their scripts say in options and in the environment.
@Suite struct ArgumentFuzzTests {
  @Test(arguments: seeds) func spansOfTime(seed: UInt64) async {
    var count = 0
    await damagedText(["10", "500ms", "1.5m", "2h", "0.25s", "3d"], seed: seed) { text in
      guard let seconds = Durations.seconds(text) else { return }
      count += 1
      #expect(seconds >= 0 && !seconds.isNaN, "\(text)")
      #expect(!Durations.text(seconds).isEmpty)
    }
    #expect(count > 50)
  }

  @Test(arguments: seeds) func tags(seed: UInt64) async {
    var count = 0
    await damagedText(["team=ml", "größe=a=b", "x="], seed: seed) { text in
      guard let tag = TagArgument(argument: text) else { return }
      count += 1
      #expect(!tag.name.isEmpty && "\(tag.name)=\(tag.text)" == text)
    }
    #expect(count > 50)
  }

  /// An address ends up in messages: one that is taken has no password in it, one that is refused is not shown with it.
  @Test(arguments: seeds) func addressesOfCoordinators(seed: UInt64) async {
    let good = ["http://127.0.0.1:8080/", "https://baton.example.org//", "HTTP://[::1]:80/a", "http://me:hunter2@h"]
    var count = 0
    await damagedText(good, seed: seed) { text in
      do {
        let base = try BatonClient.base(of: text)
        count += 1
        #expect(text.hasPrefix(base) && !base.hasSuffix("/") && !base.contains("@"), "\(text)")
        #expect(!base.contains(where: \.isWhitespace) && !base.contains("?") && !base.contains("#"), "\(text)")
      } catch {
        #expect(!text.contains("@") || !"\(error)".contains("hunter2"), "\(text): \(error)")
      }
    }
    #expect(count > 50)
  }

  @Test(arguments: seeds) func onlyThisMachineIsTakenForIt(seed: UInt64) async {
    var count = 0
    await damagedText(["127.0.0.1", "127.255.0.9", "localhost", "::1", "[::1]"], seed: seed) { host in
      guard Loopback.contains(host) else { return }
      count += 1
      #expect(host.utf8.allSatisfy { "0123456789.:[]localhstLOCALHST".utf8.contains($0) }, "\(host)")
      #expect(!Loopback.contains(host + ".example.org") && !Loopback.contains(host + "0.1"), "\(host)")
    }
    #expect(count > 10)
  }

  @Test(arguments: seeds) func settings(seed: UInt64) async {
    enum Choice: String, CaseIterable {
      case spot
      case onDemand = "on_demand"
    }
    let good = ["0.25", "30", "true", "NO", "a, b ,,c", "http://[::1]:80/x", "ON_DEMAND", "  8080\t", "1e3", "0x10"]
    var counts = (read: 0, refused: 0)
    await damagedText(good, seed: seed) { text in
      let settings = SettingsReader(flags: ["A": text], environment: ["A": "7"])
      func look<Value>(_ read: () throws -> Value?, _ isGood: (Value) -> Bool) {
        do {
          if let value = try read() { #expect(isGood(value), "\(text)") }
          counts.read += 1
        } catch {
          counts.refused += 1
          #expect("\(error)".hasPrefix("A (--a): expected "), "\(error)")
        }
      }
      look({ try settings.intOrNil("A", in: 1...100) }) { (1...100).contains($0) }
      look({ try settings.secondsOrNil("A", in: 0...86_400) }) { (0.0...86_400.0).contains($0) }
      look({ try settings.list("A") }) { !$0.contains("") }
      look({ try settings.urlOrNil("A") }) { $0.host()?.isEmpty == false }
      look({ try settings.bool("A", default: true) }) { _ in true }
      look({ try settings.choiceOrNil("A", as: Choice.self) }) { _ in true }
    }
    #expect(counts.read > 100 && counts.refused > 100, "\(counts)")
  }

  /// Whoever runs the programs of jobs, it is not root.
  @Test(arguments: seeds.prefix(2)) func usersOfPrograms(seed: UInt64) async {
    var count = 0
    await damagedText(["nobody", "1001:1001", "nobody:1001", "4294967294:7", "0:0", "root"], seed: seed) { text in
      guard let user = ExecUser(text) else { return }
      count += 1
      #expect(user.userID != 0 && user.userID != .max && user.groupID != .max, "\(text)")
    }
    #expect(count > 0)
  }

  @Test(arguments: seeds) func variablesThatArePassedOn(seed: UInt64) async {
    await damagedText(["AWS_*", "MY_VAR", "*", "BATON_TOKEN", "BATON_TOKEN*", "BATON_*"], seed: seed) { entry in
      guard PassedVariables.isValid(entry) else { return }
      let passed = PassedVariables([entry]).filter(["BATON_TOKEN": "s", "BATON_TOKEN_FILE": "f", "PATH": "/bin"])
      #expect(passed == ["PATH": "/bin"], "\(entry)")
    }
  }
}
