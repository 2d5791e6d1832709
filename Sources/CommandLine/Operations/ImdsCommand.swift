import ArgumentParser
import BatonMetadataDouble
import Logging

extension MetadataProvider: ExpressibleByArgument {}
extension MetadataScript.Versions: ExpressibleByArgument {}

/// `baton imds`: a cloud's metadata service on this machine, to rehearse interruptions with.
struct ImdsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "imds", abstract: "Play a cloud's metadata service, to rehearse interruptions.",
    discussion: """
      Start a worker that believes it:

        IMDS_URL=http://127.0.0.1:1338 worker                       (EC2)
        IMDS_URL=http://127.0.0.1:1338 SPOT_PROVIDER=gcp worker

      Change what it says while it runs:

        curl 127.0.0.1:1338/control -d '{"notice":{"action":"terminate","seconds":120}}'
        curl 127.0.0.1:1338/control -d '{"rebalance":true}'
        curl 127.0.0.1:1338/control -d '{"lifecycle_state":"Terminated"}'
        curl 127.0.0.1:1338/control -d '{"maintenance":{"action":"instance-reboot","seconds":300}}'
        curl 127.0.0.1:1338/control -d '{"failure_rate":0.2,"token_delay_seconds":3}'

      It ends with Ctrl-C. It plays for anybody who can reach its port.
      """)

  @Option(help: "aws, gcp or azure.")
  var provider = MetadataProvider.aws

  @Option(help: "The port; 0 for any that is free.")
  var port = 1338

  @Option(help: "The address to listen on.")
  var host = "127.0.0.1"

  @Option(help: ArgumentHelp("Give notice so many seconds after the start.", valueName: "seconds"))
  var noticeAfter: Double?

  @Option(help: "What the notice announces: terminate, stop or hibernate; for Azure Preempt, Reboot, Redeploy.")
  var action = "terminate"

  @Option(help: "How much warning the notice gives.")
  var seconds = 120.0

  @Flag(help: "Recommend rebalancing from the start (aws).")
  var rebalance = false

  @Option(help: "What the Auto Scaling group wants: InService, Terminated … (aws).")
  var lifecycleState: String?

  @Option(help: "Which versions of the protocol are answered: v1, v2 or both (aws).")
  var versions = MetadataScript.Versions.v2

  @Option(help: "The longest life of a token in seconds (aws).")
  var tokenLife = 21_600

  @Option(help: "Answer this part of the reads with 503, from 0 to 1.")
  var failureRate = 0.0

  @Option(help: "Of whatever is left to chance.")
  var seed: UInt64 = 1

  func validate() throws {
    guard (0...65_535).contains(port) else { throw ValidationError("--port must be from 0 to 65535.") }
    guard (1...21_600).contains(tokenLife) else { throw ValidationError("--token-life must be from 1 to 21600.") }
    guard (0...1).contains(failureRate) else { throw ValidationError("--failure-rate must be from 0 to 1.") }
    guard seconds.isFinite, noticeAfter.map({ $0.isFinite && $0 >= 0 }) ?? true else {
      throw ValidationError("--notice-after and --seconds must be numbers of seconds.")
    }
  }

  func run() async throws {
    var script = MetadataScript(provider: provider)
    script.notice = noticeAfter.map { .init(action: action, after: $0, seconds: seconds) }
    script.rebalance = rebalance
    script.lifecycleState = lifecycleState
    script.versions = versions
    script.maximumTokenLife = tokenLife
    script.failureRate = failureRate
    var logger = Logger(label: "imds")
    logger.logLevel = .warning
    let output = Surroundings().output
    let (host, provider) = (host, provider)
    try await MetadataDouble(script: script, seed: seed).run(host: host, port: port, logger: logger) { port in
      output.line("playing the metadata service of \(provider.rawValue) at http://\(host):\(port)")
    }
  }
}
