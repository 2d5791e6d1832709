import Logging

/// Carries what a program writes into its checkpoint and progress files to where it belongs.
actor ExecFiles {
  private typealias Upload = Watched<Result<Void, any Error>?>

  private let job: JobContext
  private let room: TransferRoom
  private var checkpoint: WatchedFile
  private var progress: WatchedFile
  /// The upload that is on its way.
  private var upload: Upload?
  /// Why the checkpoint is not read, as the job's log has been told.
  private var told: ExchangedFile.Refusal?

  init(job: JobContext, scratch: ScratchFolder, room: TransferRoom) {
    self.job = job
    self.room = room
    // What an earlier attempt saved was put there before the program started.
    checkpoint = WatchedFile(scratch.file(.checkpoint), isKnown: true)
    progress = WatchedFile(scratch.file(.progress), mustBeWhole: false)
  }

  /// Looks again and again, until cancelled. A checkpoint that takes its time, or waits for its turn, holds up no
  /// progress.
  func watch(every interval: Duration) async {
    await withDiscardingTaskGroup { group in
      group.addTask {
        while (try? await Task.sleep(for: interval)) != nil { await self.takeProgress(after: nil) }
      }
      group.addTask {
        while (try? await Task.sleep(for: interval)) != nil { await self.saveCheckpoint(after: nil) }
      }
    }
  }

  /// Takes what is newest, once the program has ended.
  func takeLast(writer end: WatchedFile.WriterEnd, withCheckpoint: Bool) async {
    takeProgress(after: end)
    if withCheckpoint { await saveCheckpoint(after: end) }
  }

  private func takeProgress(after end: WatchedFile.WriterEnd?) {
    guard let bytes = progress.takeIfNew(after: end), let said = ProgressFile.parse(bytes) else { return }
    job.reportProgress(said.fraction, message: said.message)
  }

  private func saveCheckpoint(after end: WatchedFile.WriterEnd?) async {
    if let upload, !(await hasEnded(upload)) { return }
    guard let news = checkpoint.news(after: end) else { return tellRefusal() }
    // Read only when its turn has come: all slots together would else hold theirs in memory.
    guard await room.enter(news.bytes, before: { [run = job.run] in run.state.value.reportUntil }) else { return }
    guard let bytes = checkpoint.take(news) else { return room.leave(news.bytes) }
    let (upload, job, room) = (Upload(nil), job, room)
    self.upload = upload
    // Not a child: the end of the program ends the looking, but not the upload that is on its way. Cancelled, it might
    // be applied all the same, after the newer one that follows.
    Task {
      let outcome: Result<Void, any Error>
      do {
        outcome = .success(try await job.saveCheckpoint(bytes))
      } catch {
        outcome = .failure(error)
      }
      room.leave(news.bytes)
      upload.update { $0 = outcome }
    }
    _ = await hasEnded(upload)
  }

  /// Waits for an upload, as long as it may count.
  /// - Returns: Whether it has ended; false as well when the wait was cut short.
  private func hasEnded(_ upload: Upload) async -> Bool {
    let ended = await upload.first(before: job.run.state.value.reportUntil) { $0 != nil }
    guard let outcome = ended ?? nil else { return false }
    self.upload = nil
    if case .failure(let error) = outcome { note(error) }
    return true
  }

  private func tellRefusal() {
    guard let refusal = checkpoint.refusal, refusal != told else { return }
    told = refusal
    job.log("baton: the checkpoint is not saved: the file that BATON_CHECKPOINT_FILE names \(refusal)\n")
  }

  /// A checkpoint that could not be saved never fails the job, which goes on from the one before if it must.
  private func note(_ error: any Error) {
    // The next look tries again, unless the coordinator has refused these bytes for good.
    let isFinal = (error as? CoordinatorError).map { !$0.isTransient } ?? false
    if !isFinal {
      checkpoint.putBack()
    } else if (error as? CoordinatorError)?.isLeaseLost == false {
      // Whoever wrote the program reads its log, not the worker's.
      job.log("baton: the checkpoint was not saved: \(error)\n")
    }
    job.logger.warning("a checkpoint could not be saved", metadata: ["error": "\(error)"])
  }
}
