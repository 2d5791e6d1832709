#!/usr/bin/env bash
# Measures other job queues on this machine and Baton among them, one after the other, round by round: each starts a
# PostgreSQL server of its own with full durability, and reports in the shape of `baton bench --json`. Nothing is
# installed into the system: Python packages go into a virtual environment, beanstalkd's package is unpacked, both under
# Benchmarks/.peers.
#
#   Benchmarks/run-peers.sh [peer…]     peers: baton awa procrastinate pgmq beanstalkd (default: all)
#   ROUNDS=5                            how often each is measured
#   BATON=…                             the command (default: that of the release build)
#
# What the goals ask for is printed at the end, and all of it is in Benchmarks/.peers/peers.json.
set -euo pipefail
cd "$(dirname "$0")"

home=.peers
rounds=${ROUNDS:-5}
BATON=$(realpath -m "${BATON:-../.build/release/baton}")
export BATON
mkdir -p "$home"

if [[ ! -x "$home/venv/bin/python" ]]; then
  python3 -m venv "$home/venv"
fi
"$home/venv/bin/pip" install --quiet --disable-pip-version-check -r requirements.txt

# The program if the system has it, else unpacked from Debian's package; nothing where there is neither.
find_beanstalkd() {
  local unpacked="$PWD/$home/beanstalkd/usr/bin/beanstalkd"
  if type -P beanstalkd; then
    return
  fi
  if [[ ! -x "$unpacked" ]]; then
    (cd "$home" && apt-get download -qq beanstalkd && dpkg -x beanstalkd_*.deb beanstalkd) >/dev/null 2>&1 || true
  fi
  if [[ -x "$unpacked" ]]; then
    echo "$unpacked"
  fi
}

peers=("$@")
if [[ ${#peers[@]} -eq 0 ]]; then
  peers=(baton awa procrastinate pgmq beanstalkd)
fi

BEANSTALKD=$(find_beanstalkd)
export BEANSTALKD
chosen=()
for peer in "${peers[@]}"; do
  if [[ "$peer" == beanstalkd && -z "$BEANSTALKD" ]]; then
    echo "beanstalkd is left out: it is not installed, and apt-get has no package of it (apt-get update may help)" >&2
  elif [[ "$peer" == baton && ! -x "$BATON" ]]; then
    echo "baton is left out: there is no $BATON (make release, or BATON=…)" >&2
  else
    chosen+=("$peer")
  fi
done

rm -f "$home"/*.json
for ((round = 1; round <= rounds; round++)); do
  for peer in "${chosen[@]}"; do
    echo "== round $round of $rounds: $peer" >&2
    ROUNDS=1 "$home/venv/bin/python" "peers/measure_$peer.py" >"$home/$peer.$round.json"
  done
done
reports=("$home"/*.*.json)
"$home/venv/bin/python" peers/compare.py "$home/peers.json" "${reports[@]}"
