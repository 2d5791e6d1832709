#!/usr/bin/env bash
# Runs the Swift tests that were built. If any fails, what it said comes again at the end: a run prints five thousand lines,
# and of a long log people and CI look at the end.
set -euo pipefail
cd "$(dirname "$0")/.."

log=$(mktemp)
trap 'rm -f "$log"' EXIT
status=0
swift test --skip-build "$@" 2>&1 | tee "$log" || status=$?
if [ "$status" != 0 ]; then
  printf '\nWhat failed:\n'
  # An issue, and the comments that follow it.
  awk '/recorded an issue| Fatal error: |^error: / { told = 1; print; next } told && /^(↳|  )/ { print; next } { told = 0 }' "$log" |
    tail -n 60
fi
exit "$status"
