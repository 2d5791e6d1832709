import BatonShared
import BatonTestSupport
import Testing

@testable import BatonWorker

/// What a worker reads of what programs write and name, and of the system's tables.
@Suite struct WorkerFileFuzzTests {
  // MARK: Text

  /// Wherever a program's output is cut, the same comes of it: text without zeros, each good character as it was.
  @Test(arguments: seeds) func outputIsRepairedWhereverItIsCut(seed: UInt64) async {
    var random = SeededGenerator(seed: seed)
    let good = ["plain\n", "größe 😀\r\n", "\u{FEFF}\u{1F468}\u{200D}\u{1F469}", "\0\0a", "퟿\u{E000}\u{10FFFF}"]
    await damaged(good, seed: seed) { bytes in
      let whole = String(decoding: bytes, as: UTF8.self).unicodeScalars.map { $0.value == 0 ? "\u{FFFD}" : $0 }
      var repair = UTF8Repair()
      var text: [UInt8] = []
      var rest = bytes[...]
      while !rest.isEmpty {
        let count = Int.random(in: 1...min(rest.count, 7), using: &random)
        let part = repair.feed(rest.prefix(count))
        #expect(String(validating: part, as: UTF8.self) != nil, "each part is sent by itself")
        text += part
        rest = rest.dropFirst(count)
        // At most the beginning of one character is held back.
        #expect(text.count + 3 * 3 >= bytes.count - rest.count - 3)
      }
      let end = repair.finish()
      #expect(end.count <= 9)
      text += end
      #expect(Array(String(decoding: text, as: UTF8.self).unicodeScalars) == whole, "\(bytes)")
    }
  }

  @Test(arguments: seeds) func lastLinesOfAnOutput(seed: UInt64) async {
    var random = SeededGenerator(seed: seed)
    let tail = OutputTail()
    await damaged(["1\n2\n3\n4\n5\n6\n7", "größe\n", String(repeating: "x", count: 3000)], seed: seed) { bytes in
      tail.append(bytes)
      guard Int.random(in: 0..<20, using: &random) == 0 else { return }
      let text = tail.text
      #expect(text.utf8.count <= 3 * 4096 && !text.utf8.contains(0))
      #expect(text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).count <= 5)
    }
  }

  // MARK: Files

  @Test(arguments: seeds) func progressLeadsToNoTimeThatIsNone(seed: UInt64) async {
    let good = ["0.42", "0.43", "1", #"{"fraction":0.5,"message":"epoch 3"}"#, #"{"fraction":null,"message":null}"#]
    var rate = ProgressRate()
    var (now, count) = (ContinuousClock.now, 0)
    await damaged(good, seed: seed) { bytes in
      guard let said = ProgressFile.parse(bytes) else { return }
      count += 1
      now += .milliseconds(250)
      rate.report(fraction: said.fraction, message: said.message, at: now)
      #expect(rate.latest?.fraction.map { (0.0...1).contains($0) } ?? true)
      #expect(rate.latest?.message?.utf8.count ?? 0 <= 512)
      #expect(rate.secondsToGo(at: now).map { $0.isFinite && $0 >= 0 } ?? true)
    }
    #expect(count > 100)
  }

  @Test(arguments: seeds) func checkpointsOfSteps(seed: UInt64) async {
    var count = 0
    await damaged([#"{"step":42}"#, #"{"step":0,"more":[1]}"#, #"{"step":9223372036854775807}"#], seed: seed) { bytes in
      do {
        #expect(try StepsHandler.step(in: bytes) >= 0)
        count += 1
      } catch {
        let failure = error as? JobFailed
        #expect(failure?.code == "invalid_checkpoint" && failure?.message.utf8.contains(0) == false)
      }
    }
    #expect(count > 20)
  }

  @Test(arguments: seeds) func filesOfAToken(seed: UInt64) async {
    var count = 0
    await damaged(["baton_0123456789abcdef\n", " secret \r\n\n", "secret"], seed: seed) { bytes in
      do throws(TokenFile.Refusal) {
        let token = try TokenFile.token(in: bytes)
        count += 1
        #expect(!token.isEmpty && !token.contains(where: \.isWhitespace))
        // All of the file but the space around it.
        let text = String(decoding: bytes, as: UTF8.self)
        #expect(text.drop(while: \.isWhitespace).hasPrefix(token), "\(text)")
      } catch {
        #expect(error.expected == "a file with a token in it, and nothing else")
      }
    }
    #expect(count > 100 && count < cases)
  }

  // MARK: Programs

  @Test(arguments: seeds) func entriesOfTheAllowanceMeanOneProgramEach(seed: UInt64) async {
    let good = [
      "python3", "/usr/bin/python3", "./tool", "../a", "/a/../b", "bin/x", "/opt/my tools/é", "bin/\u{301}x", "*",
    ]
    var count = 0
    await damaged(good, seed: seed) { bytes in
      let entry = String(decoding: bytes, as: UTF8.self)
      guard ExecAllowance.isValid(entry) else { return }
      count += 1
      let parts = entry.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).map { Array($0) }
      #expect(parts.count == 1 || parts[0].isEmpty && !parts.dropFirst().contains([]), "\(entry)")
      #expect(!parts.contains([0x2E]) && !parts.contains([0x2E, 0x2E]), "\(entry)")
      #expect(ExecAllowance([entry]).allows(entry))
      if entry != "*" {
        #expect(!ExecAllowance([entry]).allows(entry + "/") && !ExecAllowance([entry]).allows("./" + entry))
      }
    }
    #expect(count > 100)
  }

  @Test(arguments: seeds) func whatIsFoundInThePathIsNeverTheJobs(seed: UInt64) async {
    let folders = ["/bin", "bin", ".", "..", "", "/usr/bin", "../bin", "//bin", "~/bin"]
    var random = SeededGenerator(seed: seed)
    var count = 0
    await damaged(["sh", "./sh", "bin/sh", "/bin/sh", "../bin/sh"], seed: seed) { bytes in
      let program = String(decoding: bytes, as: UTF8.self)
      guard !program.utf8.contains(0) else { return }
      let path = (0..<4).map { _ in folders.randomElement(using: &random) ?? "" }.joined(separator: ":")
      guard let found = ProgramSearch.path(of: program, in: "/", searchPath: path) else { return }
      count += 1
      #expect(found.utf8.first == UInt8(ascii: "/"), "\(program)")
      if !program.utf8.contains(UInt8(ascii: "/")) {
        #expect(found == "/bin/\(program)" || found == "/usr/bin/\(program)" || found == "//bin/\(program)", "\(path)")
      }
    }
    #expect(count > 10)
  }

  // MARK: Processes

  @Test(arguments: seeds) func marksOfWorkers(seed: UInt64) async {
    let own = WorkerMark(namespace: "4026531836", process: 1, startedAt: "1")
    var count = 0
    await damaged(["4026531836/4711/123456", "1/2/3", "4026531836/-1/0"], seed: seed) { bytes in
      guard let mark = WorkerMark(String(decoding: bytes, as: UTF8.self)) else { return }
      count += 1
      #expect(WorkerMark(mark.text) == mark)
      if mark.namespace != own.namespace { #expect(!mark.hasEnded(seenFrom: own)) }
    }
    #expect(count > 10)
  }

  @Test(arguments: seeds) func linesOfTheTableOfProcesses(seed: UInt64) async {
    let fields = (1...40).map(String.init).joined(separator: " ")
    let good = ["4711 (sh) S 1 4711 4711 0 \(fields)", "1 (a) b (c)) Z 0 1 1 0 \(fields)", "22 () R 1 2 3 4 \(fields)"]
    var count = 0
    await damaged(good, seed: seed) { bytes in
      guard let entry = ProcessEntry(stat: bytes) else { return }
      count += 1
      #expect(entry.pid == entry.id.pid)
      // The same line, with whatever name.
      guard let open = bytes.firstIndex(of: 0x28), let close = bytes.lastIndex(of: 0x29), open < close,
        bytes[..<open].contains(0x20)
      else { return }
      let renamed = Array(bytes[...open]) + Array(") Z 1 (".utf8) + Array(bytes[close...])
      #expect(ProcessEntry(stat: renamed) == entry)
    }
    #expect(count > 100)
  }
}
