#!/usr/bin/env bash
# Backs Reinstate's own database up with pg_dump and puts it back with pg_restore, on Debian's PostgreSQL with
# its own client tools; root has the package installed where it is missing. Then the service goes on with it.
# Usage: backup.sh [MAJOR]
set -euo pipefail
cd "$(dirname "$0")/../.."
major=${1:-15}
bin=/usr/lib/postgresql/$major/bin
bash test/ops/debian-postgresql.sh "$major"

work=$(mktemp -d)
port=$(node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); })')
as_server() { if [ "$(id -u)" -eq 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi; }
mkdir "$work/data" "$work/reinstate"
if [ "$(id -u)" -eq 0 ]; then chmod 755 "$work"; chown postgres: "$work/data"; fi
service=
end() {
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

# start DATABASE: the service on it; leaves its address in $url, and a first token in $token where it gave one
start() {
  REINSTATE_DATABASE_URL="postgresql://reinstate_owner@127.0.0.1:$port/$1" REINSTATE_PORT=0 \
    REINSTATE_DATA_DIRECTORY="$work/reinstate" REINSTATE_LOG_LEVEL=error node dist/src/main.js >"$work/said" 2>&1 &
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
people() { REINSTATE_URL=$url REINSTATE_TOKEN=$admin node bin/reinstate.mjs person list --json; }
content() { "$bin/pg_dump" -h 127.0.0.1 -p "$port" -U postgres --data-only --inserts "$1" | grep -v '^\\\|^--' | sort; }

start reinstate
admin=$token
REINSTATE_URL=$url REINSTATE_TOKEN=$admin node bin/reinstate.mjs person add Robin >/dev/null
before=$(people)
# a dump is one moment: the service need not be stopped for it
"$bin/pg_dump" -h 127.0.0.1 -p "$port" -U postgres -Fc -f "$work/reinstate.dump" reinstate
stop

sql postgres 'CREATE DATABASE reinstate_back OWNER reinstate_owner' >/dev/null
"$bin/pg_restore" -h 127.0.0.1 -p "$port" -U postgres --exit-on-error -d reinstate_back "$work/reinstate.dump"
[ "$(content reinstate | grep -c .)" -gt 20 ]
diff <(content reinstate | grep -v 'idempotency_key\|work_lease\|last_used') <(content reinstate_back | grep -v 'idempotency_key\|work_lease\|last_used')
start reinstate_back
[ -z "$token" ]
[ "$(people)" = "$before" ]
# what nobody may rewrite, nobody may rewrite after it either
if sql reinstate_back 'SET ROLE reinstate_runtime; DELETE FROM reinstate.audit_entry' 2>"$work/refused"; then exit 1; fi
grep -q 'permission denied' "$work/refused"
stop
echo "dumped, put back, and gone on: $(sql reinstate_back 'SHOW server_version')"
