#!/usr/bin/env bash
# Checks everything in the tree that a checker can read: Swift by swift-format, scripts by shellcheck, systemd units by
# systemd-analyze, Terraform by its formatter, alerts by promtool. A checker that is not installed is passed over, and
# named. What needs more than that (CloudFormation, Kubernetes, scripts inside other files) is `make deploy-check`.
# Usage: scripts/lint.sh SWIFT_SOURCES…
set -euo pipefail
cd "$(dirname "$0")/.."

missing=()
has() {
  if command -v "$1" >/dev/null 2>&1; then return 0; fi
  missing+=("$1")
  return 1
}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

swift format lint --strict --recursive --parallel "$@"
echo "swift format: no complaints"

# By their first line: programs that machines run have no suffix.
scripts=()
while IFS= read -r -d '' file; do
  if head -n 1 "$file" 2>/dev/null | grep -aqE '^#!.*\b(ba)?sh$'; then scripts+=("$file"); fi
done < <(find .ci scripts deploy Examples -type f ! -name '*.tftpl' -print0 | sort -z)
for script in "${scripts[@]}"; do bash -n "$script"; done
if has shellcheck; then
  shellcheck "${scripts[@]}"
  echo "shellcheck: no complaints about ${#scripts[@]} scripts"
fi

if has python3; then
  find scripts deploy Examples -name '*.py' -print0 | xargs -0 python3 -c '
import ast, sys
for path in sys.argv[1:]:
    with open(path, encoding="utf-8") as file: ast.parse(file.read(), path)'
  echo "python3: no complaints"
fi

if has systemd-analyze; then
  scripts/lint-units.sh "$scratch/root"
  echo "systemd-analyze: no complaints"
fi

if has terraform; then
  CHECKPOINT_DISABLE=1 terraform fmt -recursive -check -diff deploy/aws/terraform
  echo "terraform fmt: no complaints"
fi

if has promtool; then
  promtool check rules docs/alerts.yml >"$scratch/rules" 2>&1 || { cat "$scratch/rules"; exit 1; }
  echo "promtool: no complaints"
fi

if [ ${#missing[@]} -gt 0 ]; then echo "not installed, so not checked with: ${missing[*]}" >&2; fi
