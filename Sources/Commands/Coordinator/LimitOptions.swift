import ArgumentParser

/// What clients may send, how long they may take, and how much memory they may fill.
struct LimitOptions: ParsableArguments {
  @Option(help: "All header fields of a request together. [MAX_HEADER_BYTES, 32768]")
  var maxHeaderBytes: String?
  @Option(help: "Path and query of a request. [MAX_URL_BYTES, 8192]")
  var maxURLBytes: String?
  @Option(help: "Longest name of a queue. [MAX_QUEUE_NAME_BYTES, 128]")
  var maxQueueNameBytes: String?
  @Option(help: "Tags of a job. [MAX_TAGS, 64]")
  var maxTags: String?
  @Option(help: "Longest text of a tag. [MAX_TAG_BYTES, 1024]")
  var maxTagBytes: String?
  @Option(help: "Jobs in one batch. [MAX_BATCH_JOBS, 10000]")
  var maxBatchJobs: String?
  @Option(help: "Longest wait for work; a longer one is cut. [MAX_WAIT_SECONDS, 60]")
  var maxWaitSeconds: String?
  @Option(help: "Open connections; others wait. [MAX_CONNECTIONS, 10000]")
  var maxConnections: String?
  @Option(help: "For a client to send a request's header. [HEADER_TIMEOUT_SECONDS, 10]")
  var headerTimeoutSeconds: String?
  @Option(
    help: "For a body to come and an answer to go, and a second more for each 16 KiB. [TRANSFER_TIMEOUT_SECONDS, 20]")
  var transferTimeoutSeconds: String?
  @Option(help: "How long a connection stays open between requests. [IDLE_TIMEOUT_SECONDS, 120]")
  var idleTimeoutSeconds: String?
  @Option(
    help: "Requests and large answers in memory; beyond it they are refused. [MAX_REQUEST_MEMORY_BYTES, 268435456]")
  var maxRequestMemoryBytes: String?
  @Option(help: "Checkpoints and logs in memory; beyond it they wait. [MAX_TRANSFER_MEMORY_BYTES, 67108864]")
  var maxTransferMemoryBytes: String?

  var flags: [String: String?] {
    [
      "MAX_HEADER_BYTES": maxHeaderBytes,
      "MAX_URL_BYTES": maxURLBytes,
      "MAX_QUEUE_NAME_BYTES": maxQueueNameBytes,
      "MAX_TAGS": maxTags,
      "MAX_TAG_BYTES": maxTagBytes,
      "MAX_BATCH_JOBS": maxBatchJobs,
      "MAX_WAIT_SECONDS": maxWaitSeconds,
      "MAX_CONNECTIONS": maxConnections,
      "HEADER_TIMEOUT_SECONDS": headerTimeoutSeconds,
      "TRANSFER_TIMEOUT_SECONDS": transferTimeoutSeconds,
      "IDLE_TIMEOUT_SECONDS": idleTimeoutSeconds,
      "MAX_REQUEST_MEMORY_BYTES": maxRequestMemoryBytes,
      "MAX_TRANSFER_MEMORY_BYTES": maxTransferMemoryBytes,
    ]
  }
}
