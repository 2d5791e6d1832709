import Logging

/// Carries what a program writes into its checkpoint and progress files to where it belongs.
actor ExecFiles {
  private let job: JobContext
  private var checkpoint: WatchedFile
  private var progress: WatchedFile

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
    guard let bytes = checkpoint.takeIfNew(after: end) else { return }
    do {
      try await job.saveCheckpoint(bytes)
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
      if !(error is CancellationError) {
        job.logger.warning("a checkpoint could not be saved", metadata: ["error": "\(error)"])
      }
    }
  }
}
