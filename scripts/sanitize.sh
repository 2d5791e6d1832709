#!/usr/bin/env bash
# Runs the unit and store tests under a sanitizer: scripts/sanitize.sh thread, or address. In a build folder of its own:
# it takes a quarter of an hour on two cores.
set -euo pipefail
cd "$(dirname "$0")/.."

sanitizer=${1:-}
case "$sanitizer" in
  thread) folder=.build-tsan ;;
  address) folder=.build-asan ;;
  *)
    echo "usage: scripts/sanitize.sh thread|address [TEST FILTER]" >&2
    exit 64
    ;;
esac
# All but the stories that EndToEndTests play with the programs themselves. First those that only compute: beside them,
# those that wait for an answer would wait in vain.
filters=('^(JSON|Shared|Fuzz|Drill)Tests\.' '^(Telemetry|Postgres|Coordinator|Worker|Command|Bench)Tests\.')
# A sanitizer makes everything five times slower, and tests that run programs have clocks to keep. Where they are a few
# of a suite, the others of it stay.
skip=(
  # Jobs' programs from their start to their end.
  '^WorkerTests\.ExecTests/'
  # What they leave behind, under the worker's own program.
  '^WorkerTests\.ExecTeardownTests/'
  # Programs that reach their limits, of processor time among them.
  '^WorkerTests\.ExecLimitsTests/'
  # Programs of another user.
  '^WorkerTests\.ExecUserTests/'
  # A program that ends while its checkpoint is sent.
  '^WorkerTests\.ExecCheckpointTests/anUploadThatIsOnItsWay'
  # Programs that are found by their names.
  '^WorkerTests\.ExecAllowanceTests/(aNameIsLookedUp|noOtherWriting)'
  # Programs whose worker has ended.
  '^WorkerTests\.OrphanSweeperTests/'
  # The worker's own program, with signals.
  '^WorkerTests\.WorkerProcessTests/'
  # A shell that fills a folder, a job's program that leaves something in it, and what is to be begun within two milliseconds.
  '^WorkerTests\.ScratchFolderTests/(nothingIsLeftOfWhatAProgramMayHaveMade|anOutcomeDoesNotWait|aFolderThatIsTooMuch)'
  # Programs that write huge files.
  '^WorkerTests\.TransferRoomTests/(hugeCheckpoints|aCheckpointOfATerabyte|largeResults)'
  # A program among jobs that are none.
  '^WorkerTests\.WorkerRunTests/execIsGivenItsFiles'
  # A program whose lease is lost.
  '^WorkerTests\.FencingTests/aLostLeaseStopsTheJob'
  # Shell scripts in the place of a fleet's programs.
  '^CommandTests\.ChildProcessTests/'
  # The coordinator's and the worker's own programs, with leases of a second.
  '^BenchTests\.PrivateFleetTests/'
)
# In full runs the thread sanitizer's own handling of clone(2) has failed in some of the children of tests that start one
# after the other; by themselves they pass (docs/reports/sanitizers.md).
if [ "$sanitizer" = thread ]; then
  skip+=(
    # promtool.
    '^TelemetryTests\.PromtoolTests/'
    # openssl, and PostgreSQL with what it has made.
    '^PostgresTests\.VerifiedTLSTests/'
    # A PostgreSQL for each test, which is stopped, killed and started again.
    '^PostgresTests\.(LocalPostgres|Restart)Tests/'
    # The same under a coordinator.
    '^CoordinatorTests\.OutageTests/'
  )
fi

swift build --build-tests --sanitize="$sanitizer" --scratch-path "$folder"

# On Linux, Swift's Mutex has a part that the thread sanitizer cannot see: see there.
if [ "$sanitizer" = thread ] && [ "$(uname)" = Linux ]; then
  clang -O1 -fPIC -shared -o "$folder/tsan-mutex.so" scripts/tsan-mutex.c -ldl
  export LD_PRELOAD="$PWD/$folder/tsan-mutex.so${LD_PRELOAD:+:$LD_PRELOAD}"
fi
# A finding ends the process with this status, whatever the tests said.
export TSAN_OPTIONS="halt_on_error=1:exitcode=66:suppressions=$PWD/scripts/tsan-suppressions.txt ${TSAN_OPTIONS:-}"
# Leaks are another matter: the runtime that looks for them is not part of every toolchain.
export ASAN_OPTIONS="detect_leaks=0:exitcode=66 ${ASAN_OPTIONS:-}"
export SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH=4
run() { swift test --skip-build --sanitize="$sanitizer" --scratch-path "$folder" "$@"; }
if [ -n "${2:-}" ]; then
  run --filter "$2"
else
  skipped=$(IFS='|' && echo "${skip[*]}")
  status=0
  for filter in "${filters[@]}"; do run --filter "$filter" --skip "$skipped" || status=$?; done
  exit "$status"
fi
