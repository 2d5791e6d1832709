import NIOCore

/// What one connection does: the next request once the last is answered. Called on the connection's event loop only.
protocol LoadScript: AnyObject {
  /// The next request; nil when it is done.
  func next() -> ByteBuffer?
  /// - Returns: how many jobs the answer completes.
  /// - Throws: `BenchError` when the answer is not what it should be.
  func take(_ reply: WireReply) throws -> Int
}

/// What a load did.
struct LoadResult: Sendable {
  var jobs = 0
  var seconds = 0.0
  /// Milliseconds, one for each request.
  var latencies: [Double] = []
  var cpu = CPUTimes()

  var jobsPerSecond: Double { Double(jobs) / seconds }

  /// Adds what a load did that came after this one.
  mutating func add(_ other: LoadResult) {
    jobs += other.jobs
    seconds += other.seconds
    latencies += other.latencies
    cpu = cpu + other.cpu
  }
}

/// Runs scripts over connections that are kept, all at once, to their ends.
struct LoadGenerator: Sendable {
  let connections: [WireConnection]
  let clock: CPUClock

  /// Connects, all on one event loop: one thread makes more requests than any coordinator answers.
  static func with<Result: Sendable>(
    _ count: Int, to target: WireTarget, clock: CPUClock, on loop: any EventLoop,
    _ body: (LoadGenerator) async throws -> Result
  ) async throws -> Result {
    var connections: [WireConnection] = []
    let outcome: Swift.Result<Result, any Error>
    do {
      for _ in 0..<count { connections.append(try await WireConnection.connect(to: target, on: loop)) }
      outcome = .success(try await body(LoadGenerator(connections: connections, clock: clock)))
    } catch {
      outcome = .failure(error)
    }
    for connection in connections { await connection.close() }
    return try outcome.get()
  }

  /// - Parameter script: Makes the script of the connection with that number.
  /// - Throws: the first error of any.
  func run(_ script: @escaping @Sendable (Int) -> any LoadScript) async throws -> LoadResult {
    let before = clock.now()
    let began = ContinuousClock.now
    let parts = try await withThrowingTaskGroup(of: LoadResult.self) { group in
      for (number, connection) in connections.enumerated() {
        group.addTask {
          let promise = connection.channel.eventLoop.makePromise(of: LoadResult.self)
          connection.channel.eventLoop.execute {
            LoadPump(connection: connection, script: script(number), promise: promise).step()
          }
          return try await promise.futureResult.get()
        }
      }
      var parts: [LoadResult] = []
      do {
        for try await part in group { parts.append(part) }
      } catch {
        // The others wait for answers that nobody needs any more.
        for connection in connections { connection.channel.close(promise: nil) }
        throw error
      }
      return parts
    }
    var result = LoadResult()
    result.seconds = (ContinuousClock.now - began).inSeconds
    result.cpu = clock.now() - before
    result.jobs = parts.reduce(0) { $0 + $1.jobs }
    result.latencies = parts.flatMap(\.latencies)
    return result
  }
}

/// Keeps one connection busy.
private final class LoadPump {
  private let connection: WireConnection
  private let script: any LoadScript
  private let promise: EventLoopPromise<LoadResult>
  private var result = LoadResult()

  init(connection: WireConnection, script: any LoadScript, promise: EventLoopPromise<LoadResult>) {
    self.connection = connection
    self.script = script
    self.promise = promise
  }

  func step() {
    guard let request = script.next() else { return promise.succeed(result) }
    connection.send(request) { outcome in
      do {
        let reply = try outcome.get()
        self.result.latencies.append((reply.receivedAt - reply.sentAt).milliseconds)
        self.result.jobs += try self.script.take(reply)
      } catch {
        return self.promise.fail(error)
      }
      self.step()
    }
  }
}
