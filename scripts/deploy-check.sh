#!/usr/bin/env bash
# Checks what is in deploy/ as far as that goes without a cloud: CloudFormation, Terraform, systemd, Kubernetes, scripts.
# Tools of PyPI are fetched once, into a folder of this project. A check whose tool is missing is skipped, and says so;
# DEPLOY_CHECK_STRICT=1 makes that an error.
#
# Terraform needs the AWS provider: TF_PLUGIN_MIRROR names a folder that has it (a filesystem mirror); without one, it is
# fetched from Terraform's registry if TF_PLUGIN_DOWNLOAD=1.
set -euo pipefail
cd "$(dirname "$0")/.."

tools=.build-deploy-check
cfn_lint_version=1.51.0
kubernetes_validate_version=1.37.0
# The oldest and the newest that the manifests are for.
kubernetes_versions=(1.29 1.37)
skipped=()

say() { printf '%s\n' "$*"; }
skip() {
  say "SKIPPED: $*"
  skipped+=("$1")
}
has() { command -v "$1" >/dev/null 2>&1; }

if [ ! -e "$tools/installed-$cfn_lint_version-$kubernetes_validate_version" ]; then
  rm -rf "$tools"
  python3 -m venv "$tools"
  "$tools/bin/pip" --quiet --disable-pip-version-check install \
    "cfn-lint==$cfn_lint_version" "kubernetes-validate==$kubernetes_validate_version" pyyaml
  touch "$tools/installed-$cfn_lint_version-$kubernetes_validate_version"
fi
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# --- CloudFormation
"$tools/bin/cfn-lint" deploy/aws/cloudformation/*.yaml
say "CloudFormation: cfn-lint has no complaints"

# --- Kubernetes
for version in "${kubernetes_versions[@]}"; do
  "$tools/bin/kubernetes-validate" --strict --quiet -k "$version" \
    deploy/kubernetes/{namespace,secrets.example,coordinator,worker}.yaml
  say "Kubernetes: valid for $version"
done
if has kubectl; then
  kubectl kustomize deploy/kubernetes >/dev/null
  say "Kubernetes: kustomize puts it together"
else
  skip kustomize "(no kubectl)"
fi

# --- What no schema knows
PYTHONDONTWRITEBYTECODE=1 "$tools/bin/python" -m unittest discover --quiet --start-directory deploy/tests
say "Promises: times fit one another, settings exist, the machines' programs do what they should"

# --- Scripts, those inside other files included
scripts=(deploy/aws/make-tarball.sh deploy/aws/machine/{start-worker,start-coordinator,publish-backlog,complete-lifecycle-action})
mkdir "$scratch/scripts"
"$tools/bin/python" - "$scratch/scripts" <<'PYTHON'
import pathlib, re, sys
sys.path.insert(0, "deploy/tests")
sys.dont_write_bytecode = True
from test_promises import cloudformation, kubernetes

out = pathlib.Path(sys.argv[1])
fill_in = lambda text: re.sub(r"\$\{[^}]*\}", "value", text)
for name in ("WorkerTemplate", "CoordinatorTemplate"):
    script = cloudformation("baton.yaml")["Resources"][name]["Properties"]["LaunchTemplateData"]["UserData"]
    script = script["Fn::Base64"]["Fn::Sub"]
    (out / f"cloudformation-{name}.sh").write_text(fill_in(script if isinstance(script, str) else script[0]))
for path in pathlib.Path("deploy/aws/terraform/fleet/user-data").glob("*.tftpl"):
    (out / f"terraform-{path.stem}").write_text(fill_in(path.read_text()))
pod = kubernetes("worker.yaml", "Deployment")["spec"]["template"]["spec"]
command = pod["containers"][0]["lifecycle"]["preStop"]["exec"]["command"]
(out / "kubernetes-pre-stop.sh").write_text("#!/bin/bash\n" + command[2])
PYTHON
for script in "${scripts[@]}" "$scratch"/scripts/*; do bash -n "$script"; done
if has shellcheck; then
  shellcheck "${scripts[@]}" "$scratch"/scripts/*
  say "Scripts: shellcheck has no complaints"
else
  skip shellcheck "(not installed; only the syntax was checked)"
fi

# --- systemd
if has systemd-analyze; then
  root=$scratch/root
  scripts/lint-units.sh "$root"
  say "systemd: verify has no complaints"
  # Exposure, times ten: a change that opens a unit up further should be noticed.
  for limit in baton-coordinator:13 baton-worker:18 baton-backlog:15; do
    systemd-analyze security --offline=true --no-pager --threshold="${limit#*:}" \
      "$root/etc/systemd/system/${limit%:*}.service" >"$scratch/security" || { cat "$scratch/security"; exit 1; }
    say "systemd: $(tail -n 1 "$scratch/security" | sed 's/[^ -~]*//g')"
  done
else
  skip systemd "(no systemd-analyze)"
fi

# --- Terraform
if ! has terraform; then
  skip terraform "(not installed)"
elif [ -z "${TF_PLUGIN_MIRROR:-}" ] && [ "${TF_PLUGIN_DOWNLOAD:-}" != 1 ]; then
  terraform fmt -recursive -check -diff deploy/aws/terraform
  skip terraform "(formatting checked; to validate, name a mirror with the AWS provider in TF_PLUGIN_MIRROR, or say TF_PLUGIN_DOWNLOAD=1)"
else
  export CHECKPOINT_DISABLE=1
  if [ -n "${TF_PLUGIN_MIRROR:-}" ]; then
    printf 'provider_installation {\n  filesystem_mirror {\n    path = "%s"\n  }\n}\n' "$TF_PLUGIN_MIRROR" \
      >"$scratch/terraform.rc"
    export TF_CLI_CONFIG_FILE=$scratch/terraform.rc
  fi
  terraform fmt -recursive -check -diff deploy/aws/terraform
  # A copy, so that nothing of Terraform's stays in the tree.
  cp -R deploy/aws/terraform "$scratch/terraform"
  for folder in fleet database examples/complete; do
    terraform -chdir="$scratch/terraform/$folder" init -no-color -input=false >"$scratch/init" 2>&1 || {
      cat "$scratch/init"
      exit 1
    }
    terraform -chdir="$scratch/terraform/$folder" validate -no-color >"$scratch/validate" 2>&1 || {
      cat "$scratch/validate"
      exit 1
    }
    say "Terraform: $folder is valid"
  done
  terraform -chdir="$scratch/terraform/fleet" test -no-color
fi

if [ ${#skipped[@]} -gt 0 ]; then
  say "deploy-check: no complaints; skipped: ${skipped[*]}"
  if [ "${DEPLOY_CHECK_STRICT:-}" = 1 ]; then exit 1; fi
else
  say "deploy-check: no complaints, nothing skipped"
fi
