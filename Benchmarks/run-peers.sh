#!/usr/bin/env bash
# Measures other job queues on this machine, one after the other, as `baton bench` measures Baton: a PostgreSQL server of
# their own with full durability, the same shape of report. Nothing is installed into the system: Python packages go
# into a virtual environment, beanstalkd's package is unpacked, both under Benchmarks/.peers.
#
#   Benchmarks/run-peers.sh [peer…]     peers: awa procrastinate pgmq beanstalkd (default: all)
#   ROUNDS=5                            how often each figure is measured
set -euo pipefail
cd "$(dirname "$0")"

home=.peers
mkdir -p "$home"

if [[ ! -x "$home/venv/bin/python" ]]; then
  python3 -m venv "$home/venv"
fi
"$home/venv/bin/pip" install --quiet --disable-pip-version-check -r requirements.txt

# The program if the system has it, else unpacked from Debian's package.
find_beanstalkd() {
  if type -P beanstalkd >/dev/null; then
    type -P beanstalkd
    return
  fi
  if [[ ! -x "$home/beanstalkd/usr/bin/beanstalkd" ]]; then
    (cd "$home" && apt-get download -qq beanstalkd >/dev/null 2>&1 && dpkg -x beanstalkd_*.deb beanstalkd)
  fi
  echo "$PWD/$home/beanstalkd/usr/bin/beanstalkd"
}

peers=("$@")
[[ ${#peers[@]} -gt 0 ]] || peers=(awa procrastinate pgmq beanstalkd)
for peer in "${peers[@]}"; do
  echo "== $peer" >&2
  if [[ "$peer" == beanstalkd ]]; then
    BEANSTALKD=$(find_beanstalkd) "$home/venv/bin/python" "peers/measure_$peer.py" | tee "$home/$peer.json"
  else
    "$home/venv/bin/python" "peers/measure_$peer.py" | tee "$home/$peer.json"
  fi
done
