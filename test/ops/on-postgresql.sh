#!/usr/bin/env bash
# Runs the tests in which the shop's server counts with shops on another PostgreSQL, from Debian's package
# postgresql-MAJOR; root has it installed where it is missing. Without a pattern, the tests in which servers differ:
# what is read of their catalogues, published, refused and sent.
# Usage: on-postgresql.sh MAJOR [PATTERN OF TEST FILES]; all that touch a shop's server:
#   on-postgresql.sh 15 'medium/(shops|replication|restore|sample-shop|personal-data|proof)[^/]*\.spec'
set -euo pipefail
cd "$(dirname "$0")/../.."
major=${1:?usage: on-postgresql.sh MAJOR [PATTERN OF TEST FILES]}
pattern=${2:-'medium/replication(-torture|-fold|-parts|-publication|-attach|-others)?\.spec'}
bin=/usr/lib/postgresql/$major/bin
bash test/ops/debian-postgresql.sh "$major"

data=$(mktemp -d)
port=$(node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); })')
as_server() { if [ "$(id -u)" -eq 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi; }
if [ "$(id -u)" -eq 0 ]; then chown postgres: "$data"; fi
end() {
  as_server "$bin/pg_ctl" -D "$data" -m immediate stop >/dev/null || true
  rm -rf "$data"
}
trap end EXIT

password=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
secret=$(mktemp)
printf '%s\n' "$password" >"$secret"
if [ "$(id -u)" -eq 0 ]; then chown postgres: "$secret"; fi
as_server "$bin/initdb" -D "$data" -U postgres --pwfile="$secret" --auth=scram-sha-256 -E UTF8 --locale=C.UTF-8 >/dev/null
rm "$secret"
as_server "$bin/pg_ctl" -D "$data" -w -l "$data/log" start -o "-p $port -h 127.0.0.1 -k $data -c fsync=off \
  -c wal_level=logical -c max_connections=300 -c max_wal_senders=40 -c max_replication_slots=40 \
  -c max_slot_wal_keep_size=1GB" >/dev/null
PGPASSWORD=$password "$bin/psql" -h 127.0.0.1 -p "$port" -U postgres -Atc 'SELECT version()'
REINSTATE_TEST_SHOPS="postgresql://postgres:$password@127.0.0.1:$port/postgres" \
  npm test -- --selectProjects=medium --maxWorkers=2 --testPathPatterns "$pattern"
