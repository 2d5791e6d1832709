#!/usr/bin/env bash
# Puts docs/openapi.yaml into the coordinator's source, so that a binary without the docs serves it. Run it after each
# change of the document; a test tells when it was forgotten.
set -euo pipefail
cd "$(dirname "$0")/.."

target=Sources/Coordinator/API/OpenAPIDocument.swift
if grep -q '"""#' docs/openapi.yaml; then
  echo 'docs/openapi.yaml holds """#, which ends a Swift string' >&2
  exit 1
fi
{
  cat <<'SWIFT'
// swift-format-ignore-file
// Made by scripts/embed-openapi.sh; docs/openapi.yaml is the original.

/// What `GET /openapi.yaml` answers.
enum OpenAPIDocument {
  static let text = #"""
SWIFT
  cat docs/openapi.yaml
  echo
  echo '"""#'
  echo '}'
} >"$target"
