/// What `find` finds, unless it takes longer than `limit`: nil then. It is not waited for any longer, and ends when it ends.
func soon<Value: Sendable>(
  within limit: Duration, _ find: @escaping @Sendable () async -> Value
) async -> Value? {
  let (answers, continuation) = AsyncStream.makeStream(of: Value?.self, bufferingPolicy: .bufferingOldest(1))
  // Not children that are waited for: a call that hangs ends when it ends.
  let finding = Task { continuation.yield(await find()) }
  let timer = Task {
    try? await Task.sleep(for: limit)
    continuation.yield(nil)
  }
  defer {
    finding.cancel()
    timer.cancel()
  }
  for await answer in answers { return answer }
  return nil
}
