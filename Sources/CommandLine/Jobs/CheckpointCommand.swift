import ArgumentParser
import BatonClient
import BatonJSON
import BatonShared

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

struct CheckpointCommand: RemoteCommand {
  static let configuration = CommandConfiguration(
    commandName: "checkpoint", abstract: "Fetch a job's newest checkpoint.",
    discussion: "With --json, prints what is known of the checkpoint, and its bytes go to FILE only.")

  @OptionGroup var connection: ConnectionOptions

  @Argument(help: "The job.")
  var id: JobID

  @Option(name: .shortAndLong, help: ArgumentHelp("Where to put it (default: standard output).", valueName: "file"))
  var output: String?

  func run(_ client: BatonClient, _ surroundings: Surroundings) async throws {
    let checkpoint = try await client.send(.checkpoint(id))
    if let output, output != "-" {
      do {
        try Data(checkpoint.bytes).write(to: URL(fileURLWithPath: output), options: .atomic)
      } catch {
        throw CommandFailure(ExitStatus.cannotCreate, "cannot write '\(output)'")
      }
      if !connection.json {
        surroundings.errors.line(
          DisplayText.printable(
            "checkpoint \(checkpoint.sequence.map { "\($0)" } ?? "?"), \(checkpoint.bytes.count) bytes of "
              + "\(checkpoint.contentType), is in \(output)"))
      }
    } else if !connection.json {
      if surroundings.output.isTerminal, !Self.isText(checkpoint.bytes) {
        throw CommandFailure(ExitStatus.usage, "the checkpoint is no text; give --output FILE")
      }
      surroundings.output.write(checkpoint.bytes)
    }
    if connection.json {
      var writer = JSONWriter()
      writer.object { writer in
        writer.field("sequence", checkpoint.sequence)
        writer.field("size_bytes", checkpoint.bytes.count)
        writer.field("content_type", checkpoint.contentType)
      }
      surroundings.show(json: writer.bytes)
    }
  }

  static func isText(_ bytes: [UInt8]) -> Bool {
    guard let text = String(validating: bytes, as: UTF8.self) else { return false }
    return text.unicodeScalars.allSatisfy {
      $0.value >= 0x20 && $0.value != 0x7F || "\n\r\t".unicodeScalars.contains($0)
    }
  }
}
