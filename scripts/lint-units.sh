#!/usr/bin/env bash
# Usage: scripts/lint-units.sh FOLDER
# Verifies the systemd units of deploy/. FOLDER, which must not be there yet, becomes a root in which the programs they
# start have something in their place, so that nothing needs to be installed.
set -euo pipefail
root=$1
cd "$(dirname "$0")/.."

mkdir -p "$root/etc/systemd/system" "$root/opt/baton/bin" "$root/usr/lib"
ln -s usr/lib "$root/lib"
cp -R /usr/lib/systemd "$root/usr/lib/"
cp -R deploy/aws/machine "$root/opt/baton/"
for program in coordinator worker; do install -m 755 /bin/sh "$root/opt/baton/bin/$program"; done
cp -R deploy/systemd/*.service deploy/aws/machine/*.{service,timer} deploy/aws/machine/*.service.d \
  "$root/etc/systemd/system/"
for unit in "$root"/etc/systemd/system/*.{service,timer}; do
  # A complaint need not be an error for it.
  complaints=$(systemd-analyze verify --root="$root" --man=no "$(basename "$unit")" 2>&1) || { echo "$complaints"; exit 1; }
  if [ -n "$complaints" ]; then echo "$complaints"; exit 1; fi
done
