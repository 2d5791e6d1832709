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
# Without the tests that run the programs themselves: those are not what is looked at, and have clocks to keep.
filter=${2:-'^(JSON|Shared|Telemetry|Postgres|Coordinator|Fuzz|Drill|Bench)Tests\.'}

swift build --build-tests --sanitize="$sanitizer" --scratch-path "$folder"

# A finding ends the process with this status, whatever the tests said.
export TSAN_OPTIONS="halt_on_error=1:exitcode=66 ${TSAN_OPTIONS:-}"
# Leaks are another matter: the runtime that looks for them is not part of every toolchain.
export ASAN_OPTIONS="detect_leaks=0:exitcode=66 ${ASAN_OPTIONS:-}"
export SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH=4
swift test --skip-build --sanitize="$sanitizer" --scratch-path "$folder" --filter "$filter"
