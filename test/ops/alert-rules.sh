#!/usr/bin/env bash
# Proves alerts/*.rules.yml with promtool: they load, deploy/prometheus.yml loads them, and alerts/tests/ shows each
# alert firing and not firing. promtool comes with Debian's prometheus; root installs it where it is missing, without
# a service. Usage: alert-rules.sh
set -euo pipefail
cd "$(dirname "$0")/../.."

# shellcheck source=test/ops/prometheus.sh
. test/ops/prometheus.sh
need_prometheus

# The command's output, only where it fails.
quietly() {
  local said
  if ! said=$("$@" 2>&1); then
    printf '%s\nFAILED: %s\n' "$said" "$*" >&2
    return 1
  fi
}

quietly promtool check rules --lint-fatal alerts/*.rules.yml
# as docker-compose.yml lays it out, but with the paths of this checkout
config=$(mktemp)
trap 'rm -f "$config"' EXIT
sed "s#/etc/prometheus/rules/#$PWD/alerts/#; s#/tmp/metrics-token#/dev/null#" deploy/prometheus.yml >"$config"
quietly promtool check config "$config"
quietly promtool test rules alerts/tests/*.yml
printf 'alert rules: %s alerts, %s tests, all hold\n' \
  "$(cat alerts/*.rules.yml | grep -c '^ *- alert:')" "$(cat alerts/tests/*.yml | grep -c 'eval_time:')"
