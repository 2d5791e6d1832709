#!/usr/bin/env bash
# Sends a coordinator of its own what schemathesis makes of docs/openapi.yaml: good requests, and bad ones of every kind.
# Fails when an answer is not what the document says, on any 5xx (but 503 with Retry-After when there is too much to do),
# and when the coordinator ends, or has grown by more than GROWTH_MB.
#
# Ends with 69 (EX_UNAVAILABLE), and says so, when schemathesis is not here and no package index can be reached; whether
# that counts as a failure is for the caller to decide (.ci/run does).
#
#   EXAMPLES         test cases of an operation (default 20, a minute or two; 400 make well over 10,000 requests)
#   SEED             repeats a run
#   SECONDS_AT_MOST  fails when it takes longer (default 3600)
#   GROWTH_MB        what the coordinator may grow by (default 32; 14 were measured in the long run)
#   VENV             where schemathesis is, or is put (default .build/fuzz-venv)
#   BATON            the `baton` program (default: the one that `swift build` makes)
#   KEEP=1           keeps the folder with the logs
set -euo pipefail
cd "$(dirname "$0")/.."

baton=${BATON:-$(swift build --show-bin-path)/baton}
venv=${VENV:-$PWD/.build/fuzz-venv}
version=4.32.5
unreachable=69

bounded() { # SECONDS COMMAND…: macOS has no `timeout`
  if command -v timeout >/dev/null; then timeout "$@"; else shift && "$@"; fi
}

install_schemathesis() {
  local words status=0
  if ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
    echo "Python cannot make virtual environments here: install python3-venv (Debian's name), or run 'make deps-fuzz'." >&2
    exit "$unreachable"
  fi
  echo "Installing schemathesis $version into $venv" >&2
  python3 -m venv --clear "$venv"
  # A few dozen packages: one that does not come in two minutes will not come.
  words=$(bounded 120 "$venv/bin/pip" install --quiet --disable-pip-version-check --timeout 15 --retries 2 \
    "schemathesis==$version" 2>&1) || status=$?
  if [ "$status" = 0 ]; then return; fi
  printf '%s\n' "$words" >&2
  rm -rf "$venv"
  # An index that answers lists the versions that it has.
  local no_index='from versions: none|Max retries exceeded|timed out|Connection(Error| refused| reset)|name resolution'
  if [ "$status" = 124 ] || grep -qE "$no_index" <<<"$words"; then
    echo "No package index can be reached (pip says why, above): the API was not fuzzed." >&2
    echo "With a mirror: PIP_INDEX_URL. Without a network: VENV=FOLDER of one that has schemathesis $version." >&2
    exit "$unreachable"
  fi
  echo "schemathesis $version cannot be installed for $(python3 --version)." >&2
  exit 1
}

if ! "$venv/bin/schemathesis" --version 2>/dev/null | grep -qF "$version"; then install_schemathesis; fi

folder=$(mktemp -d "${TMPDIR:-/tmp}/baton-fuzz.XXXXXX")
# PostgreSQL refuses to run as root; started by root, its own user has to reach its data below this folder.
chmod 755 "$folder"
up_pid=''
finish() {
  local status=$?
  trap - EXIT INT TERM
  if [ -n "$up_pid" ] && kill "$up_pid" 2>/dev/null; then wait "$up_pid" 2>/dev/null || true; fi
  if [ "$status" != 0 ]; then
    echo "The coordinator's last words (all of them: $folder/up.log):" >&2
    tail -n 20 "$folder/up.log" >&2 || true
  elif [ "${KEEP:-0}" != 1 ]; then
    rm -rf "$folder"
  fi
  exit "$status"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

made=$("$(dirname "$baton")/coordinator" token --role admin --name fuzz)
token=$(sed -n 's/^BATON_TOKEN=//p' <<<"$made")
sed -n 's/^TOKENS_FILE line: //p' <<<"$made" >"$folder/tokens"
chmod 600 "$folder/tokens"
# Nothing that can be seen in the list of processes holds the token.
printf 'Authorization: Bearer %s\n' "$token" >"$folder/header"
chmod 600 "$folder/header"
port=$(python3 scripts/relay.py free-port)
url=http://127.0.0.1:$port

# Without the route that drains the process, which leaves nothing to send requests to; the one that ends it is turned off, and
# has to say so.
# No wait for work is longer than what schemathesis takes for slow.
MAX_WAIT_SECONDS=0.2 TOKENS_FILE=$folder/tokens ALLOW_SIMULATE_INTERRUPTION=false BATON_TOKEN=$token \
  "$baton" up --data "$folder/fleet" --port "$port" --workers 0 >"$folder/up.log" 2>&1 </dev/null &
up_pid=$!
for _ in $(seq 300); do
  if [ -e "$folder/fleet/fleet.json" ] && curl -sf "$url/ready" >/dev/null; then break; fi
  kill -0 "$up_pid" 2>/dev/null || exit 1
  sleep 0.2
done
pid=$(python3 -c 'import json, sys
print(next(p["pid"] for p in json.load(open(sys.argv[1]))["processes"] if p["name"] == "coordinator"))' \
  "$folder/fleet/fleet.json")
memory_mb() { ps -o rss= -p "$pid" | awk '{ print int($1 / 1024) }'; }
answers() { # CODE-PATTERN: how many were answered so
  curl -s "$url/metrics" | awk -v code="status=\"$1\"" \
    '/^baton_http_request_seconds_count/ && $0 ~ code { sum += $NF } END { print sum + 0 }'
}

# A job in each state, so that there is something to find.
call() { curl -sf -H "@$folder/header" "$@" >/dev/null; }
for kind in one two three; do call "$url/jobs" -d "{\"kind\":\"$kind\",\"tags\":{\"team\":\"fuzz\"}}"; done
call "$url/leases" -d '{"worker_id":"fuzz-1"}'

before=$(memory_mb)
started=$(date +%s)
status=0
(
  cd "$folder"
  # All checks are on unless they are turned off. A job has no checkpoint when it is made, which is no fault.
  cat >schemathesis.toml <<'TOML'
headers = { Authorization = "Bearer ${BATON_TOKEN}" }

[[operations]]
include-path = "/jobs/{id}/checkpoint"
checks.ensure_resource_availability.enabled = false
TOML
  # U+0000 is refused wherever it stands, which a JSON Schema cannot say of values that may be anything; it has tests of
  # its own. ASCII: the document has to give lengths in characters, the coordinator counts bytes. One
  # worker: with more, generators fail on some versions of Python.
  export BATON_TOKEN=$token
  bounded "${SECONDS_AT_MOST:-3600}" "$venv/bin/schemathesis" run "$url/openapi.yaml" --url "$url" \
    --max-examples "${EXAMPLES:-20}" ${SEED:+--seed "$SEED"} --exclude-path /drain \
    --workers 1 --generation-allow-x00 false --generation-codec ascii --generation-database none \
    --continue-on-failure --request-timeout 70 --suppress-health-check all --warnings off
) >"$folder/schemathesis.log" 2>&1 || status=$?
seconds=$(($(date +%s) - started))

kill -0 "$pid" 2>/dev/null || { echo "the coordinator has ended" >&2; exit 1; }
after=$(memory_mb)
requests=$(answers '[0-9]+')
failures=$(answers '5[0-9][0-9]')
unavailable=$(answers 503)
tail -n 12 "$folder/schemathesis.log"
echo "requests: $requests in $seconds s; 5xx: $failures, of them 503: $unavailable"
if [ "$failures" != 0 ]; then
  curl -s "$url/metrics" | grep '^baton_http_request_seconds_count.*status="5' || true
fi
echo "memory of the coordinator: $before MiB before, $after MiB after"
if [ "$status" = 124 ]; then echo "schemathesis took more than ${SECONDS_AT_MOST:-3600} s" >&2; exit 1; fi
if [ "$status" != 0 ]; then
  grep -n -B2 -A25 '^____\|^[0-9]*\. Test Case' "$folder/schemathesis.log" | head -n 200 >&2 || true
  echo "schemathesis has complaints: $folder/schemathesis.log" >&2
  exit 1
fi
if [ "$failures" != "$unavailable" ]; then echo "there were errors of the coordinator's own" >&2; exit 1; fi
if [ $((after - before)) -gt "${GROWTH_MB:-32}" ]; then echo "the coordinator has grown" >&2; exit 1; fi
