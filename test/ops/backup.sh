#!/usr/bin/env bash
# Backs Reinstate's own database up with pg_dump and puts it back with pg_restore, on Debian's PostgreSQL with
# its own client tools; root has the package installed where it is missing. Then the service goes on with it: with the
# journal of an order, personal values that its key opens, and an incident.
# Usage: backup.sh [MAJOR]
set -euo pipefail
cd "$(dirname "$0")/../.."
major=${1:-15}
# the Node that npm ci brings, as npm's scripts take it
export PATH="$PWD/node_modules/.bin:$PATH"
bin=/usr/lib/postgresql/$major/bin
bash test/ops/debian-postgresql.sh "$major"

work=$(mktemp -d)
port=$(node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); })')
as_server() { if [ "$(id -u)" -eq 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi; }
mkdir "$work/data" "$work/reinstate"
if [ "$(id -u)" -eq 0 ]; then chmod 755 "$work"; chown postgres: "$work/data"; fi
service=
end() {
  if [ $? -ne 0 ] && [ -f "$work/said" ]; then cat "$work/said" >&2; fi
  if [ -n "$service" ]; then kill "$service" 2>/dev/null || true; fi
  as_server "$bin/pg_ctl" -D "$work/data" -m immediate stop >/dev/null || true
  rm -rf "$work"
}
trap end EXIT
as_server "$bin/initdb" -D "$work/data" -U postgres --auth=trust -E UTF8 --locale=C.UTF-8 >/dev/null
as_server "$bin/pg_ctl" -D "$work/data" -w -l "$work/data/log" start -o "-p $port -h 127.0.0.1 -k $work/data -c fsync=off" >/dev/null
sql() { "$bin/psql" -v ON_ERROR_STOP=1 -h 127.0.0.1 -p "$port" -U postgres -d "$1" -Atc "$2"; }
sql postgres 'CREATE ROLE reinstate_owner LOGIN CREATEROLE' >/dev/null
sql postgres 'CREATE DATABASE reinstate OWNER reinstate_owner' >/dev/null

cat >"$work/reinstate.yaml" <<'YAML'
shops:
  - id: corner
    name: Corner shop
YAML

# start DATABASE: the service on it; leaves its address in $url, and a first token in $token where it gave one
start() {
  REINSTATE_DATABASE_URL="postgresql://reinstate_owner@127.0.0.1:$port/$1" REINSTATE_PORT=0 \
    REINSTATE_CONFIG="$work/reinstate.yaml" REINSTATE_DATA_DIRECTORY="$work/reinstate" REINSTATE_LOG_LEVEL=error node dist/src/main.js >"$work/said" 2>&1 &
  service=$!
  for _ in $(seq 600); do
    if grep -q 'Reinstate listens on' "$work/said"; then break; fi
    if ! kill -0 "$service" 2>/dev/null; then cat "$work/said" >&2; exit 1; fi
    sleep 0.1
  done
  url=$(sed -n 's/^Reinstate listens on \([^ ]*\).*/\1/p' "$work/said")
  token=$(sed -n 's/^Admin token, shown only now: //p' "$work/said")
}
stop() {
  kill -TERM "$service"
  wait "$service"
  service=
}
reinstate() { REINSTATE_URL=$url REINSTATE_TOKEN=$admin node bin/reinstate.mjs "$@"; }
# what changes by itself is left out: leases, and when a token was used
content() {
  "$bin/pg_dump" -h 127.0.0.1 -p "$port" -U postgres --data-only --inserts "$1" |
    grep -v '^\\\|^--\|idempotency_key\|work_lease\|last_used' | sort
}

# What the service tells of its people, the order and the incident with its case.
told() {
  reinstate person list --json
  reinstate order journal corner 1001 --json
  reinstate incident show 1
  reinstate incident cases 1 --json
}

# opened DATABASE: the personal values of the order's first journal entry, opened with the service's key.
opened() {
  node --input-type=module -e '
    import { readFileSync } from "node:fs";
    import { decrypt, openValue } from "./dist/src/journal/personal-cipher.js";
    const [file, wrapped, rows] = process.argv.slice(1);
    const service = Buffer.from(readFileSync(file, "utf8").trim(), "base64");
    const values = [];
    JSON.parse(rows, (_, value) => (value?.sealed === undefined ? value : values.push(value)));
    const key = decrypt(Buffer.from(wrapped, "hex"), { key: service, context: `corner/${values[0].keyOf}` });
    console.log(values.map((value) => openValue(value, key)).sort().join(" "));
  ' "$work/reinstate/encryption-key" "$(sql "$1" "SELECT encode(wrapped_key, 'hex') FROM reinstate.personal_key")" \
    "$(sql "$1" "SELECT row_changes FROM reinstate.journal_entry ORDER BY position LIMIT 1")"
}

# within SECONDS QUESTION...: until the answer is yes.
within() {
  local until=$((SECONDS + $1))
  shift
  until "$@"; do
    [ "$SECONDS" -lt "$until" ] || { echo "waited in vain for: $*" >&2; exit 1; }
    sleep 0.5
  done
}
has_case() { [ "$(sql reinstate 'SELECT count(*) FROM reinstate.incident_case WHERE settles_at IS NULL')" = 1 ]; }
is_quiet() {
  local once
  once=$(content "$1")
  sleep 2
  [ "$(content "$1")" = "$once" ]
}

start reinstate
admin=$token
reinstate person add Robin >/dev/null
sender=$(reinstate token issue Robin --role ingest --label sender)
event() {
  printf '{"specversion":"1.0","id":"%s","source":"/shops/corner","type":"com.reinstate.order.%s","time":"%s","data":{"shop":"corner","orderId":"1001"%s}}\n' \
    "$1" "$1" "$(date -u -d "$2" +%FT%TZ)" "$3"
}
{
  event placed '20 minutes ago' ',"customerId":"c-17","currency":"EUR","totalMinor":4990,"payments":[{"paymentId":"p","state":"captured","amountMinor":4990}],"personal":{"email":"ann@example.org","ship_name":"Ann Example"}'
  event cancelled '10 minutes ago' ',"actor":{"kind":"job","name":"unpaid-orders"}'
} >"$work/events.ndjson"
REINSTATE_URL=$url REINSTATE_TOKEN=$sender node bin/reinstate.mjs order-event send "$work/events.ndjson"
reinstate incident declare corner --since 1h --reason 'customers call' >/dev/null
within 60 has_case
within 60 is_quiet reinstate
before=$(told)
[ "$(opened reinstate)" = 'Ann Example ann@example.org' ]
# a dump is one moment: the service need not be stopped for it
"$bin/pg_dump" -h 127.0.0.1 -p "$port" -U postgres -Fc -f "$work/reinstate.dump" reinstate
stop

sql postgres 'CREATE DATABASE reinstate_back OWNER reinstate_owner' >/dev/null
"$bin/pg_restore" -h 127.0.0.1 -p "$port" -U postgres --exit-on-error -d reinstate_back "$work/reinstate.dump"
[ "$(content reinstate | grep -c .)" -gt 20 ]
diff <(content reinstate) <(content reinstate_back)
[ "$(opened reinstate_back)" = 'Ann Example ann@example.org' ]
start reinstate_back
[ -z "$token" ]
diff <(told) <(echo "$before")
# what was told before is known
REINSTATE_URL=$url REINSTATE_TOKEN=$sender node bin/reinstate.mjs order-event send "$work/events.ndjson" | grep -q 'Kept 0 events; 2 were known already'
# what nobody may rewrite, nobody may rewrite after it either
if sql reinstate_back 'SET ROLE reinstate_runtime; DELETE FROM reinstate.audit_entry' 2>"$work/refused"; then exit 1; fi
grep -q 'permission denied' "$work/refused"
stop
echo "dumped, put back, and gone on: $(sql reinstate_back 'SHOW server_version')"
