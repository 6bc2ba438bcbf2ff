#!/usr/bin/env bash
# Sees to it that Debian's PostgreSQL of this major version is there: root has it installed where it is missing.
# Usage: debian-postgresql.sh MAJOR
set -euo pipefail
major=${1:?usage: debian-postgresql.sh MAJOR}
bin=/usr/lib/postgresql/$major/bin
if [ ! -x "$bin/initdb" ] && [ "$(id -u)" -eq 0 ]; then
  export DEBIAN_FRONTEND=noninteractive
  apt-get update >&2
  apt-get install -y --no-install-recommends postgresql-common >&2
  # the package makes and starts no server of its own then
  conf=/etc/postgresql-common/createcluster.conf
  before=$(mktemp)
  cp "$conf" "$before"
  sed -Ei 's/^#?create_main_cluster *=.*/create_main_cluster = false/' "$conf"
  installed=0
  apt-get install -y --no-install-recommends "postgresql-$major" >&2 || installed=$?
  cat "$before" >"$conf"
  rm "$before"
  [ "$installed" -eq 0 ] || exit "$installed"
fi
[ -x "$bin/initdb" ] || { echo "no PostgreSQL $major in $bin: apt-get install postgresql-$major" >&2; exit 2; }
