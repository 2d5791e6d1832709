#!/usr/bin/env bash
# Runs the unit and store tests under a sanitizer: scripts/sanitize.sh thread, or address. In a build folder of its own:
# the first time takes a quarter of an hour on two cores.
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
# Without the tests that run programs: those are not what is looked at, and have clocks to keep. Of the worker and the
# command line that leaves these.
worker='Backoff|Configuration|CoordinatorError|DrainPlan|ExecConditions|InterruptionPolicy|LeaseTrust|ProgressRate'
worker+='|SignalParser|StrayOwnership|TokenFile|Triage|UTF8Repair|Verdict|WatchedFile|Watched|Settlement'
worker+='|NoticeAvailability|Prefetch'
command='BatchFile|ExitStatus|GlobalOptions|FleetState|FleetPlan|FleetFiles|Submission|Table|DisplayText|ProgressBar'
command+='|Durations|Style|Watch|LogTail'
filter="^(JSON|Shared|Telemetry|Postgres|Coordinator|Fuzz|Drill|Bench)Tests\\."
# Those start and stop servers, promtool and the like again and again: the thread sanitizer's own handling of clone(2) fails
# in some of the children.
skip='PromtoolTests|VerifiedTLSTests|LocalPostgresTests|RestartTests|OutageTests|PrivateFleetTests|StepProgramTests'
filter=${2:-"$filter|^WorkerTests\\.($worker)Tests|^CommandTests\\.($command)Tests"}

swift build --build-tests --sanitize="$sanitizer" --scratch-path "$folder"

# On Linux, Swift's Mutex has a part that the thread sanitizer cannot see: see there.
if [ "$sanitizer" = thread ] && [ "$(uname)" = Linux ]; then
  clang -O1 -fPIC -shared -o "$folder/tsan-mutex.so" scripts/tsan-mutex.c -ldl
  export LD_PRELOAD="$PWD/$folder/tsan-mutex.so${LD_PRELOAD:+:$LD_PRELOAD}"
fi
# A finding ends the process with this status, whatever the tests said.
export TSAN_OPTIONS="halt_on_error=1:exitcode=66 ${TSAN_OPTIONS:-}"
# Leaks are another matter: the runtime that looks for them is not part of every toolchain.
export ASAN_OPTIONS="detect_leaks=0:exitcode=66 ${ASAN_OPTIONS:-}"
export SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH=4
swift test --skip-build --sanitize="$sanitizer" --scratch-path "$folder" --filter "$filter" --skip "$skip"
