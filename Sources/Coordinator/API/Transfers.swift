import BatonShared
import HTTPTypes
import Hummingbird
import NIOCore

/// Brings checkpoints and logs in and out, in a bounded amount of memory however many come at once: those for which
/// there is no room wait their turn, and their senders with them.
struct Transfers: Sendable {
  /// What is smaller is sent at once; it never waits behind what is large.
  static let smallBytes = 64 << 10
  /// How much of a checkpoint is read from the database at a time.
  static let sliceBytes = 1 << 20

  let memory: MemoryBudget

  // MARK: In

  /// The body, whole: the database takes it as one value.
  /// - Parameter isWanted: Whether there is any use for it; asked before it takes memory from others, for as long as its
  ///   sender likes.
  /// - Returns: also what it takes of the memory, to be given back when the body is no longer needed; nil when it is not
  ///   wanted, and nothing of it has been read.
  func upload(
    _ request: Request, upTo limit: Int, in context: APIContext, if isWanted: () async throws -> Bool
  ) async throws -> (bytes: [UInt8], share: MemoryShare?)? {
    let declared = request.headers[.contentLength].flatMap(Int.init)
    let expected = declared ?? limit
    guard expected > Self.smallBytes, expected <= limit else {
      return (try await request.bytes(upTo: limit, share: context.share), nil)
    }
    guard try await isWanted() else { return nil }
    let share = MemoryShare(of: memory)
    do {
      try await share.waitFor(expected)
    } catch {
      // Read what it sends all the same: a client that sends first would not see the answer.
      _ = try? await request.bytes(upTo: 0)
      throw error
    }
    return (try await request.bytes(upTo: limit), share)
  }

  // MARK: Out

  /// Answers with a checkpoint, slice by slice. If it is replaced meanwhile, the connection is cut: the client has
  /// fewer bytes than it was promised, never a mixture.
  /// - Parameters:
  ///   - absent: The answer when what should have the checkpoint is not there.
  ///   - fetch: Reads a slice of the newest checkpoint.
  func download(
    absent: Problem, _ fetch: @escaping @Sendable (CheckpointSlice) async throws -> StoredCheckpoint??
  ) async throws -> Response {
    guard let found = try await fetch(CheckpointSlice(offset: 0, count: Self.smallBytes)) else { throw absent }
    guard let checkpoint = found else { throw Problem(.notFound, "the job has no checkpoint") }
    var headers: HTTPFields = [.contentType: checkpoint.contentType]
    headers[HTTPField.Name("Baton-Checkpoint-Sequence")!] = "\(checkpoint.sequence)"
    let first = ByteBuffer(bytes: checkpoint.bytes)
    let size = checkpoint.size
    guard first.readableBytes < size else {
      return Response(status: .ok, headers: headers, body: ResponseBody(byteBuffer: first))
    }
    // One slice on its way to the client, and one that comes from the database.
    let share = MemoryShare(of: memory)
    try await share.waitFor(2 * Self.sliceBytes)
    let version = checkpoint.version
    let body = ResponseBody(contentLength: size) { writer in
      defer { share.giveBack() }
      try await writer.write(first)
      var offset = first.readableBytes
      while offset < size {
        let slice = try await fetch(CheckpointSlice(offset: offset, count: Self.sliceBytes))
        guard let slice = slice ?? nil, slice.version == version, !slice.bytes.isEmpty else {
          throw CheckpointReplaced()
        }
        offset += slice.bytes.count
        try await writer.write(ByteBuffer(bytes: slice.bytes))
      }
      try await writer.finish(nil)
    }
    return Response(status: .ok, headers: headers, body: body)
  }

  /// Answers with a log.
  /// - Parameter fetch: Reads it, if it has at most so many bytes; else only its size. nil when there is no such job.
  func log(_ fetch: (_ limit: Int) async throws -> StoredLog?) async throws -> Response {
    let contentType = "text/plain; charset=utf-8"
    guard var log = try await fetch(Self.smallBytes) else { throw Problem.noSuchJob }
    if let bytes = log.bytes { return .bytes(bytes, contentType: contentType) }
    // It may grow between the two looks, but not by much, and not again and again.
    let room = log.size + Self.sliceBytes
    let share = MemoryShare(of: memory)
    try await share.waitFor(room)
    log = try await fetch(room) ?? StoredLog(size: 0, bytes: [])
    guard let bytes = log.bytes else { throw Problem.overloaded("the log grows faster than it can be read") }
    return .bytes(bytes, contentType: contentType, holding: share)
  }
}

/// The checkpoint that was being read has made way for a newer one.
struct CheckpointReplaced: Error {}
