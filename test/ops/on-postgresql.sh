#!/usr/bin/env bash
# Runs the tests in which the shop's server counts with shops on another PostgreSQL, from Debian's package
# postgresql-MAJOR; root has it installed where it is missing. Without a pattern, the tests in which servers differ:
# what is read of their catalogues, published, refused and sent, and what becomes of slots that are lost, given up,
# dropped, taken over or left on another timeline.
# Usage: on-postgresql.sh MAJOR [PATTERN OF TEST FILES]; all that touch a shop's server:
#   on-postgresql.sh 15 'medium/(shops|replication|restore|sample-shop|personal-data|proof)[^/]*\.spec'
set -euo pipefail
cd "$(dirname "$0")/../.."
major=${1:?usage: on-postgresql.sh MAJOR [PATTERN OF TEST FILES]}
differ='medium/replication(-torture|-fold|-parts|-publication|-attach|-others|-bound|-set-back|-takeover)?\.spec'
pattern=${2:-$differ}
bin=/usr/lib/postgresql/$major/bin
bash test/ops/debian-postgresql.sh "$major"

data=$(mktemp -d)
# for suites that start a server of their own
programs=$(mktemp -d)
chmod 755 "$programs"
ln -s "$bin/pg_ctl" "$programs/pg_ctl"
if [ "$major" -ge 17 ]; then
  ln -s "$bin/initdb" "$programs/initdb"
else
  # it has no locales of its own, which are asked for: the system's are as good here
  cat >"$programs/initdb" <<INITDB
#!/bin/sh
for given; do
  shift
  case \$given in
    --locale-provider=* | --builtin-locale=*) ;;
    --locale=*) set -- "\$@" --locale=C.UTF-8 ;;
    *) set -- "\$@" "\$given" ;;
  esac
done
exec $bin/initdb "\$@"
INITDB
  chmod 755 "$programs/initdb"
fi
port=$(node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); })')
as_server() { if [ "$(id -u)" -eq 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi; }
if [ "$(id -u)" -eq 0 ]; then chown postgres: "$data"; fi
end() {
  as_server "$bin/pg_ctl" -D "$data" -m immediate stop >/dev/null || true
  rm -rf "$data" "$programs"
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
export REINSTATE_TEST_PROGRAMS=$programs
export REINSTATE_TEST_SHOPS="postgresql://postgres:$password@127.0.0.1:$port/postgres"
suites() { npm test -- --selectProjects=medium --maxWorkers=2 "$@"; }
suites --testPathPatterns "$pattern"
# of this one, which is long, what a server does with a slot; the rest is ours
if [ $# -lt 2 ]; then
  suites --testPathPatterns 'medium/replication-faults\.spec' \
    --testNamePattern 'a slot that the server gave up|a dropped slot|comes back'
fi
