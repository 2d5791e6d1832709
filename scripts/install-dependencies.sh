#!/usr/bin/env bash
# Installs what Baton needs beside the Swift toolchain: the headers of libpq, a PostgreSQL server (for private
# servers started by `baton up` and the tests), python3, ps and curl.
# Says and does nothing where all of it is there, so it also works offline then.
#
#   --fuzz   also what `make fuzz-api` needs: a Python that can make virtual environments
set -euo pipefail

say() { printf '%s\n' "$*" >&2; }

has() { command -v "$1" >/dev/null 2>&1; }

has_libpq_headers() { has pkg-config && pkg-config --exists libpq; }

has_postgres_server() {
  has initdb && return
  local found
  # Debian keeps the server's programs off the PATH.
  for found in /usr/lib/postgresql/*/bin/initdb /opt/homebrew/opt/postgresql@*/bin/initdb \
    /usr/local/opt/postgresql@*/bin/initdb; do
    if [ -x "$found" ]; then return 0; fi
  done
  return 1
}

as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif has sudo; then
    sudo "$@"
  else
    say "Needs root to run: $*"
    say "Run it yourself, or install sudo, and try again."
    exit 1
  fi
}

if ! has swift; then
  say "The Swift toolchain is missing: Baton needs Swift 6.2 or newer (https://www.swift.org/install)."
  exit 1
fi

debian=() brew=()
if ! has pkg-config; then debian+=(pkg-config) brew+=(pkgconf); fi
if ! has_libpq_headers; then debian+=(libpq-dev) brew+=(libpq); fi
if ! has_postgres_server; then debian+=(postgresql) brew+=(postgresql@17); fi
if ! has python3; then debian+=(python3) brew+=(python3); fi
if ! has ps; then debian+=(procps); fi
if ! has curl; then debian+=(curl ca-certificates) brew+=(curl); fi

if [ "${1:-}" = --fuzz ] && ! { has python3 && python3 -c 'import ensurepip, venv' 2>/dev/null; }; then
  debian+=(python3-venv)
fi

if [ ${#debian[@]} -eq 0 ]; then exit 0; fi

if has apt-get; then
  say "Installing: ${debian[*]}"
  # Debian's package creates and starts a cluster of its own; Baton has no use for it.
  if [[ " ${debian[*]} " == *" postgresql "* ]] && [ ! -e /etc/postgresql-common/createcluster.conf ]; then
    as_root mkdir -p /etc/postgresql-common
    printf 'create_main_cluster = false\n' | as_root tee /etc/postgresql-common/createcluster.conf >/dev/null
  fi
  as_root apt-get -qq -o DPkg::Lock::Timeout=300 update
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 \
    -o DPkg::Options::=--force-confold install -y --no-install-recommends "${debian[@]}" >/dev/null
elif has brew; then
  say "Installing: ${brew[*]}"
  brew install --quiet "${brew[@]}"
  # libpq is keg-only: its pkg-config file is found only where it is named.
  if ! has_libpq_headers; then
    say "libpq is installed; let pkg-config find it, then try again:"
    say "  export PKG_CONFIG_PATH=\"$(brew --prefix libpq)/lib/pkgconfig\""
    exit 1
  fi
else
  say "Neither apt-get nor brew is here. Please install: ${debian[*]} (Debian's names)."
  exit 1
fi
