#!/usr/bin/env bash
# Runs every query of dashboards/json/ against a real Prometheus that scrapes the running demo as deploy/prometheus.yml
# says, with a token of the role "metrics", from its first to its last act: each must show data, and the money what the
# API says. In the built checkout that one stands in. Usage: dashboards.sh
set -Eeuo pipefail
trap 'echo "FAILED: line $LINENO: $BASH_COMMAND" >&2' ERR
# process groups of their own, as they are in a terminal
set -m
cd "$(dirname "$0")/../.."
# shellcheck source=test/ops/programs.sh
. test/ops/programs.sh
# shellcheck source=test/ops/prometheus.sh
. test/ops/prometheus.sh
need_prometheus
work=$(mktemp -d)
demo=
prometheus=
trap end EXIT

end() {
  local code=$? group
  trap - ERR
  set +e
  if [ "$code" -ne 0 ]; then tail -n 40 "$work"/*.log >&2 2>/dev/null; fi
  for group in $prometheus $demo; do
    kill -TERM -- "-$group" 2>/dev/null
    for _ in $(seq 150); do has_ended && break || sleep 0.2; done
    kill -KILL -- "-$group" 2>/dev/null
  done
  rm -rf "$work"
  exit "$code"
}

# A token of its own, as docs/deployment.md makes it.
metrics_token() {
  node bin/reinstate.mjs person add prometheus --kind service >/dev/null
  node bin/reinstate.mjs token issue prometheus --role metrics --label prometheus --days 1
}

# Prometheus with the configuration that docker-compose.yml gives it, but for addresses, paths and its pace.
start_prometheus() {
  metrics_token >"$work/token"
  [ -s "$work/token" ]
  port=$(node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); })')
  sed -e "s#/etc/prometheus/rules/#$PWD/alerts/#; s#/tmp/metrics-token#$work/token#; s#reinstate:8080#${REINSTATE_URL#http://}#" \
    -e "s#'alertmanager:9093'##; s#_interval: 5s#_interval: 1s#" deploy/prometheus.yml >"$work/prometheus.yml"
  prometheus --config.file="$work/prometheus.yml" --storage.tsdb.path="$work/tsdb" \
    --web.listen-address="127.0.0.1:$port" >"$work/prometheus.log" 2>&1 &
  prometheus=$!
}

mkfifo "$work/person"
node_modules/.bin/node dist/demo/main.js --seed 1 <"$work/person" >"$work/demo.log" 2>&1 &
demo=$!
exec 8>"$work/person"
within 120 grep -q 'to look on from another terminal' "$work/demo.log"
eval "$(grep -o 'export REINSTATE_URL=.*' "$work/demo.log")"
start_prometheus
within 300 grep -q 'as Alex, the second person' "$work/demo.log"
echo y >&8
within 300 grep -q 'Ctrl-C ends the shop and Reinstate' "$work/demo.log"

node test/ops/dashboards-shown.mjs "http://127.0.0.1:$port"
