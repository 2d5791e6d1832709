#!/usr/bin/env bash
# Ten thousand jobs of the kind `exec` through one worker, with a coordinator and a private PostgreSQL: programs that
# end well and badly, and some that try to leave processes behind. Prints after every thousand what the worker holds:
# open descriptors, zombies, processes, scratch folders, threads and memory. Ends with 0 only if nothing has been left
# and memory has not grown with the number of jobs.
#
#   exec-leak-run.sh [JOBS]     default: 10000
set -euo pipefail
cd "$(dirname "$0")/.."
EXEC_LEAK_JOBS=${1:-10000} exec swift test --filter ExecLeakTests
