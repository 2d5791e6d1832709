#!/usr/bin/env bash
# Against the running fleet of docker-compose.yml: submits training jobs, stops one worker's container, kills another's,
# and shows that both jobs went on in other containers from their checkpoints. Ends with 0 only if they did and
# every result equals that of an uninterrupted run. Start the fleet first, with three workers or more:
#
#   docker compose up --build -d --wait --scale worker=3
#
#   COMPOSE          the compose command (default: docker compose)
#   DOCKER           the docker command (default: docker)
#   COORDINATOR_URL  default: http://127.0.0.1:8080
#   LEASE_TTL_SECONDS, given to `docker compose up`, decides how soon a killed worker is noticed (default: 30)
set -euo pipefail
cd "$(dirname "$0")/.."

read -r -a compose <<<"${COMPOSE:-docker compose}"
read -r -a docker <<<"${DOCKER:-docker}"
url=${COORDINATOR_URL:-http://127.0.0.1:8080}
relay() { python3 scripts/relay.py "$@"; }

RELAY_STARTED=$(date +%s)
export RELAY_STARTED
say() { printf '%4d s  %s\n' "$(($(date +%s) - RELAY_STARTED))" "$*"; }

folder=$(mktemp -d "${TMPDIR:-/tmp}/baton-compose-demo.XXXXXX")
reference_pid='' watch_pid='' stopped=()

finish() {
  local status=$? pid
  trap - EXIT INT TERM
  for pid in $watch_pid $reference_pid; do
    kill "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
  done
  # The fleet is left as large as it was found; a started container is a new worker with a new id.
  if [ ${#stopped[@]} -gt 0 ]; then
    "${docker[@]}" start "${stopped[@]}" >/dev/null || status=1
  fi
  rm -rf "$folder"
  exit "$status"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

workers=$("${compose[@]}" ps --quiet worker | wc -l)
if [ "$workers" -lt 3 ]; then
  echo "This takes three workers or more: ${compose[*]} up --build -d --wait --scale worker=3" >&2
  exit 1
fi

relay jobs 6 /opt/baton/examples/train/train.py >"$folder/jobs.jsonl"
relay jobs 6 "$PWD/Examples/train/train.py" >"$folder/reference.jsonl"
"${compose[@]}" exec -T coordinator baton submit --batch - <"$folder/jobs.jsonl" | relay ids >"$folder/ids"
say "submitted $(wc -l <"$folder/ids" | tr -d ' ') training jobs to a fleet of $((workers)) worker containers"

mkdir "$folder/reference"
# Not through the function: its process, not a shell's around it, is what has to be ended.
python3 scripts/relay.py reference "$folder/reference.jsonl" "$folder/reference" &
reference_pid=$!
python3 scripts/relay.py watch "$url" "$folder/ids" &
watch_pid=$!

first=$(relay catch "$url" '' "$folder/ids")
container=$(relay hostname "$url" "$first")
stopped+=("$container")
say ">>> stop container $container ($first)"
"${docker[@]}" stop "$container" >/dev/null
say "container $container has stopped, exit status $("${docker[@]}" inspect --format '{{.State.ExitCode}}' "$container")"

second=$(relay catch "$url" '' "$folder/ids")
container=$(relay hostname "$url" "$second")
stopped+=("$container")
say ">>> kill container $container ($second)"
"${docker[@]}" kill "$container" >/dev/null

wait "$watch_pid"
watch_pid=''
say "all jobs have ended; waiting for the same computations, run uninterrupted and without Baton"
wait "$reference_pid"
reference_pid=''
relay report "$url" "$folder/ids" "$folder/reference" "interrupted=$first" "lost=$second"
