#!/usr/bin/env bash
# Proves alerts/*.rules.yml with promtool: they load, deploy/prometheus.yml loads them, and alerts/tests/ shows each
# alert firing and not firing. promtool comes with Debian's prometheus; root installs it where it is missing, without
# a service. Usage: alert-rules.sh
set -euo pipefail
cd "$(dirname "$0")/../.."

servers() { pgrep -x prometheus | sort || true; }

# The package would start a server, and again at each boot: only its tools are wanted.
install_promtool() {
  local policy=/usr/sbin/policy-rc.d before made=
  before=$(servers)
  if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
    made=$policy
  fi
  # shellcheck disable=SC2064
  trap "rm -f ${made:-/dev/null/none}" RETURN
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq >/dev/null
  apt-get install -y -qq --no-install-recommends prometheus >/dev/null 2>&1
  for unit in prometheus prometheus-node-exporter; do
    if command -v systemctl >/dev/null; then systemctl disable "$unit" >/dev/null 2>&1 || true; fi
    if command -v update-rc.d >/dev/null; then update-rc.d "$unit" disable >/dev/null 2>&1 || true; fi
  done
  if [ "$(servers)" != "$before" ]; then
    echo 'installing promtool has left a prometheus running' >&2
    return 1
  fi
}

if ! command -v promtool >/dev/null; then
  if [ "$(id -u)" -ne 0 ]; then
    echo 'promtool is missing: as root, apt-get install --no-install-recommends prometheus' >&2
    exit 2
  fi
  install_promtool
fi

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
