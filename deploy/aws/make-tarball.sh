#!/usr/bin/env bash
# Packs what a machine needs into one archive: deploy/aws/make-tarball.sh FOLDER OUT.tar.gz
# FOLDER holds the programs coordinator, worker and baton, built for the machines' system (docs/deploy-aws.md).
set -euo pipefail

if [ $# -ne 2 ]; then
  echo "usage: $0 FOLDER OUT.tar.gz" >&2
  exit 64
fi
programs=$(cd "$1" && pwd)
out=$2
here=$(cd "$(dirname "$0")/.." && pwd)

staging=$(mktemp -d)
trap 'rm -rf "$staging"' EXIT
mkdir -p "$staging/baton/bin"
for program in coordinator worker baton; do
  install -m 755 "$programs/$program" "$staging/baton/bin/"
done
cp -R "$here/systemd" "$here/aws/machine" "$staging/baton/"
# The same files give the same archive.
tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -C "$staging" -cf - baton | gzip -n >"$out"
sha256sum "$out"
