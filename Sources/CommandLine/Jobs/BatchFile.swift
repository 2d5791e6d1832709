import BatonJSON
import BatonShared

/// Jobs as JSON lines: one object a line, in the words of `POST /jobs`. Empty lines are passed over.
enum BatchFile {
  /// The most bytes of one request; a batch is cut where it would grow beyond.
  static let maximumBytes = 8 << 20

  /// Reads all jobs before any is sent, so that a mistake in the last line costs nothing.
  /// - Parameter name: What to call the file in an error.
  /// - Throws: `CommandFailure` that names the line.
  static func jobs(_ bytes: [UInt8], name: String) throws -> [JobSubmission] {
    var jobs: [JobSubmission] = []
    var number = 0
    for line in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
      number += 1
      guard line.contains(where: { $0 != 0x20 && $0 != 0x09 && $0 != 0x0D }) else { continue }
      var content = Array(line)
      if number == 1, content.starts(with: [0xEF, 0xBB, 0xBF]) { content.removeFirst(3) }
      do throws(JSONError) {
        jobs.append(try JobSubmission(json: content))
      } catch {
        let what = error.field.isEmpty ? "the line must be \(error.expected)" : error.description
        throw CommandFailure(ExitStatus.data, "\(name):\(number): \(what)")
      }
    }
    guard !jobs.isEmpty else { throw CommandFailure(ExitStatus.data, "\(name): there is no job in it") }
    return jobs
  }

  /// Cuts jobs into requests, none too large for the coordinator.
  static func batches(_ jobs: [JobSubmission], maximumJobs: Int = 5000, maximumBytes: Int = maximumBytes)
    -> [[JobSubmission]]
  {
    var batches: [[JobSubmission]] = []
    var batch: [JobSubmission] = []
    var bytes = 0
    for job in jobs {
      // What a job takes beside its payload is little; its tags may be some kilobytes.
      let size = job.payload.bytes.count + 512 + job.tags.reduce(0) { $0 + $1.key.utf8.count + $1.value.utf8.count }
      if !batch.isEmpty, batch.count == maximumJobs || bytes + size > maximumBytes {
        batches.append(batch)
        batch = []
        bytes = 0
      }
      batch.append(job)
      bytes += size
    }
    if !batch.isEmpty { batches.append(batch) }
    return batches
  }
}
