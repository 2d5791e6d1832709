#!/usr/bin/env bash
# Baton at work on one machine: a private PostgreSQL, a coordinator, three workers with one slot each, and six training
# jobs. One worker gets the notice that its machine is about to be taken away, another vanishes without one. Ends with
# 0 only if both jobs went on elsewhere from their checkpoints and every result equals that of an uninterrupted run.
#
#   BATON   the `baton` program (default: the one that `swift build` makes)
#   KEEP=1  keeps the folder with the logs
set -euo pipefail
cd "$(dirname "$0")/.."

baton=${BATON:-$(swift build --show-bin-path)/baton}
train=$PWD/Examples/train/train.py
relay() { python3 scripts/relay.py "$@"; }

RELAY_STARTED=$(date +%s)
export RELAY_STARTED
say() { printf '%4d s  %s\n' "$(($(date +%s) - RELAY_STARTED))" "$*"; }

folder=$(mktemp -d "${TMPDIR:-/tmp}/baton-demo.XXXXXX")
# PostgreSQL refuses to run as root; started by root, its own user has to reach its data below this folder.
chmod 755 "$folder"
fleet=$folder/fleet
up_pid='' reference_pid='' watch_pid='' told=''

fleet_field() { # NAME FIELD: of the process of that name
  python3 -c '
import json, sys
processes = json.load(open(sys.argv[1]))["processes"]
print(next(process[sys.argv[3]] for process in processes if process["name"] == sys.argv[2]))' \
    "$folder/fleet.json" "$1" "$2"
}

fleet_names() {
  python3 -c 'import json, sys; print(*(process["name"] for process in json.load(open(sys.argv[1]))["processes"]))' \
    "$folder/fleet.json"
}

finish() {
  local status=$? pid
  trap - EXIT INT TERM
  for pid in $watch_pid $reference_pid; do
    kill "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
  done
  if [ -n "$up_pid" ] && kill -0 "$up_pid" 2>/dev/null; then
    # What could outlive an orderly stop that fails, while it can still be told whose it is.
    local below
    below=$(relay descendants "$up_pid" || true)
    kill "$up_pid" 2>/dev/null || true
    for _ in $(seq 150); do
      kill -0 "$up_pid" 2>/dev/null || break
      sleep 0.2
    done
    if kill -0 "$up_pid" 2>/dev/null; then
      echo "baton up did not stop within 30 s" >&2
      status=1
      for pid in $up_pid $below; do kill -9 "$pid" 2>/dev/null || true; done
    fi
    wait "$up_pid" 2>/dev/null || true
  fi
  if [ "$status" != 0 ] && [ -z "$told" ]; then
    echo "The fleet's last words (all of them: $folder/up.log):" >&2
    tail -n 30 "$folder/up.log" >&2 || true
  elif [ "${KEEP:-0}" != 1 ]; then
    rm -rf "$folder"
  fi
  exit "$status"
}
trap finish EXIT
trap 'told=1; exit 130' INT
trap 'told=1; exit 143' TERM

# ------------------------------------------------------------------ a fleet

port=$(relay free-port)
url=http://127.0.0.1:$port
export COORDINATOR_URL=$url

"$baton" up --data "$fleet" --port "$port" --workers 3 --slots 1 --capacity spot --lease-ttl-seconds 5 \
  >"$folder/up.log" 2>&1 </dev/null &
up_pid=$!
for _ in $(seq 300); do
  if [ -e "$fleet/fleet.json" ]; then break; fi
  if ! kill -0 "$up_pid" 2>/dev/null; then
    echo "baton up ended before the fleet was ready" >&2
    exit 1
  fi
  sleep 0.2
done
if [ ! -e "$fleet/fleet.json" ]; then
  echo "the fleet was not ready within a minute" >&2
  exit 1
fi
# A copy: it loses what has ended, and goes with the fleet.
cp "$fleet/fleet.json" "$folder/fleet.json"
say "PostgreSQL, a coordinator at $url and three workers run below $folder"

# ------------------------------------------------------------------ work

relay jobs 6 "$train" >"$folder/jobs.jsonl"
"$baton" submit --batch "$folder/jobs.jsonl" | relay ids >"$folder/ids"
say "submitted $(wc -l <"$folder/ids" | tr -d ' ') training jobs in one batch; each trains a network on 1,437 digits"

mkdir "$folder/reference"
# Not through the function: its process, not a shell's around it, is what has to be ended.
python3 scripts/relay.py reference "$folder/jobs.jsonl" "$folder/reference" &
reference_pid=$!
python3 scripts/relay.py watch "$url" "$folder/ids" &
watch_pid=$!

# ------------------------------------------------------------------ a notice

relay catch "$url" worker-1 "$folder/ids" >"$folder/first"
first=$(cat "$folder/first")
say ">>> notice for $first: its machine will be taken away in 120 s"
curl --silent --show-error --fail --max-time 10 -X POST -H 'Content-Type: application/json' \
  --data '{"action":"terminate","seconds":120}' "$(fleet_field worker-1 url)/simulate/interruption" >/dev/null

# ------------------------------------------------------------------ a loss

relay catch "$url" worker-2 "$folder/ids" >"$folder/second"
second=$(cat "$folder/second")
worker_pid=$(fleet_field worker-2 pid)
say ">>> kill -9 $second (process $worker_pid) and what it runs, as when its machine vanishes"
# The worker first: it must not see its program die and tell.
below=$(relay descendants "$worker_pid")
kill -9 "$worker_pid"
for pid in $below; do kill -9 "$pid" 2>/dev/null || true; done

# ------------------------------------------------------------------ the end

wait "$watch_pid"
watch_pid=''
say "all jobs have ended; waiting for the same computations, run uninterrupted and without Baton"
wait "$reference_pid"
reference_pid=''

if kill -0 "$(fleet_field worker-1 pid)" 2>/dev/null; then
  echo "worker-1 should have ended by itself once its job was handed back" >&2
  exit 1
fi
relay report "$url" "$folder/ids" "$folder/reference" "interrupted=$first" "lost=$second"

kill "$up_pid"
status=0
wait "$up_pid" || status=$?
up_pid=''
if [ "$status" != 0 ]; then
  echo "baton up ended with $status" >&2
  exit 1
fi
for name in $(fleet_names); do
  if kill -0 "$(fleet_field "$name" pid)" 2>/dev/null; then
    echo "$name is still running" >&2
    exit 1
  fi
done
say "stopped the fleet; nothing is left running"
