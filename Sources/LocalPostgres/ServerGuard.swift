import Logging
import Subprocess

/// A small shell between us and the server, in a session of its own: it starts and signals the server on command, and
/// stops it (and removes its folder, if that is wanted) as soon as its standard input ends. That happens however this
/// process ends, SIGKILL included.
enum ServerGuard {
  /// What the guard says.
  enum Report: Sendable {
    case initialised
    case initialisationFailed(String)
    case started(pid: Int32)
    case exited
    /// The guard itself has ended.
    case gone
  }

  /// `$1` remove or keep, `$2` the data directory, `$3` initdb, then the server's command line without its port.
  private static let script = #"""
    mode=$1 data=$2 initdb=$3
    shift 3
    umask 077
    # The owner may be gone when there is something to say.
    trap '' PIPE
    exec 3<&0 </dev/null

    initialise() {
      if said=$(printf '%s\n' "$1" | "$initdb" -D "$data" -U postgres --encoding=UTF8 --locale=C \
        --auth-local=trust --auth-host=scram-sha-256 --pwfile=/dev/stdin --no-sync 2>&1); then
        printf '%s\n' "$1" >"$data/baton.password"
        echo "initialised"
      else
        echo "failed $(printf '%s' "$said" | tail -n 3 | tr '\n' ' ')"
      fi
    }

    serve() {
      "$@" 3<&- >>"$data/server.log" 2>&1 &
      server=$!
      echo "$server" >"$data/guard.pid"
      echo "started $server"
      wait "$server"
      rm -f "$data/guard.pid"
      echo "exited"
    }

    end() {
      kill -s "$1" "$(cat "$data/guard.pid" 2>/dev/null)" 2>/dev/null
    }

    job=
    rm -f "$data/guard.pid"
    while read -r word value <&3; do
      case $word in
        init) initialise "$value" ;;
        start) serve "$@" -p "$value" & job=$! ;;
        stop) end "$value" ;;
      esac
    done

    if [ -n "$job" ]; then
      # What is to be removed need not be closed in order.
      if [ "$mode" = remove ]; then end QUIT; else end INT; fi
      (
        nap=
        trap 'kill "$nap" 2>/dev/null; exit' TERM
        for signal in QUIT KILL; do
          sleep 5 & nap=$!
          wait "$nap"
          end "$signal"
        done
      ) >/dev/null 2>&1 &
      impatience=$!
      wait "$job"
      kill "$impatience" 2>/dev/null
    fi
    if [ "$mode" = remove ]; then rm -rf -- "$data"; fi
    """#

  /// Runs the guard until it ends.
  static func run(
    account: ServerAccount, standardInput: Int32, arguments: [String], report: @Sendable (Report) async -> Void
  ) async throws {
    var options = PlatformOptions()
    // Ctrl-C in the terminal is for us; the server is stopped in order afterwards.
    options.createSession = true
    let command = try account.command(["/bin/sh", "-c", script, "baton-postgres-guard"] + arguments)
    _ = try await Subprocess.run(
      .path(.init(command[0])), arguments: Arguments(Array(command.dropFirst())),
      environment: .custom(["PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "LC_ALL": "C"]), workingDirectory: "/",
      platformOptions: options,
      input: .fileDescriptor(.init(rawValue: standardInput), closeAfterSpawningProcess: true),
      output: .sequence, error: .discarded
    ) { execution in
      for try await line in execution.standardOutput.strings() {
        if let said = parse(line) { await report(said) }
      }
    }
  }

  private static func parse(_ line: String) -> Report? {
    let words = line.split(separator: " ", maxSplits: 1)
    return switch words.first {
    case "initialised": .initialised
    case "failed": .initialisationFailed(words.count > 1 ? String(words[1]) : "initdb said nothing")
    case "started": words.count > 1 ? Int32(words[1]).map { .started(pid: $0) } : nil
    case "exited": .exited
    default: nil
    }
  }
}
