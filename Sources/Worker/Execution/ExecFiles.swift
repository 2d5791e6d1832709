import Logging

/// Carries what a program writes into its checkpoint and progress files to where it belongs.
actor ExecFiles {
  private let job: JobContext
  private var checkpoint: WatchedFile
  private var progress: WatchedFile
  /// The upload that is on its way.
  private var upload: Task<Void, any Error>?

  init(job: JobContext, scratch: ScratchFolder) {
    self.job = job
    // What an earlier attempt saved was put there before the program started.
    checkpoint = WatchedFile(path: scratch.checkpointFile, isKnown: true)
    progress = WatchedFile(path: scratch.progressFile, mustBeWhole: false)
  }

  /// Looks again and again, until cancelled.
  func watch(every interval: Duration) async {
    while (try? await Task.sleep(for: interval)) != nil {
      takeProgress(after: nil)
      await saveCheckpoint(after: nil)
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
    // The end of the program ends the looking, but not the upload that is on its way: given up, it might be applied
    // all the same, after the newer one that follows.
    if let upload { _ = await upload.result }
    guard let bytes = checkpoint.takeIfNew(after: end) else { return }
    let job = job
    let upload = Task { try await job.saveCheckpoint(bytes) }
    self.upload = upload
    let outcome = await upload.result
    self.upload = nil
    do {
      try outcome.get()
    } catch {
      // It never fails the job, which goes on from the checkpoint before if it must. The next look tries again, unless
      // the coordinator has refused these bytes for good.
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
}
