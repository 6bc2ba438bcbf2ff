#!/usr/bin/env bash
# Runs the README's commands as an ordinary user that is made for it, in a fresh copy of what is committed,
# inside a directory that only this user can enter. Usage: readme-as-user.sh CHECKOUT
set -euo pipefail
checkout=$1

as_me() {
  local home=$1
  cd "$home/reinstate"
  npm ci
  npm run demo -- --once --seed 7 | tail -n 5
  service_starts_and_goes_on
}

# npm start: prints a token on the first start only, ends at Ctrl-C, goes on after kill -9.
service_starts_and_goes_on() {
  local first second third
  first=$(mktemp) second=$(mktemp) third=$(mktemp)
  export REINSTATE_PORT=0
  run_service "$first" INT
  grep -q 'Admin token, shown only now: rst_' "$first"
  run_service "$second" KILL
  if grep -q 'Admin token' "$second"; then echo 'the token was shown twice' && return 1; fi
  run_service "$third" INT
  grep -q 'Adopted the database server' "$third"
  # a process that has ended but was not yet fetched by its parent (Z) runs no more
  if ps -u "$(id -u)" -o stat=,comm= | grep -v '^Z' | grep -q ' postgres$'; then
    echo 'a PostgreSQL was left running' && return 1
  fi
  echo 'npm start: started, stopped, killed, adopted, stopped'
}

# Starts the service, waits until it answers, and sends the signal to Node itself.
run_service() {
  local out=$1 signal=$2 url pid
  setsid npm --silent start >"$out" 2>"$out.err" &
  for _ in $(seq 1 300); do
    url=$(sed -n 's/^Reinstate listens on \(http[^ ]*\).*/\1/p' "$out")
    [ -n "$url" ] && break
    sleep 0.1
  done
  [ -n "$url" ] || { cat "$out" "$out.err"; return 1; }
  curl -fsS "$url/health/ready" >/dev/null
  pid=$(pgrep -u "$(id -u)" -f '^[^ ]*node dist/src/main.js$' | head -n 1)
  kill "-$signal" "$pid"
  wait $! 2>/dev/null || true
  for _ in $(seq 1 100); do kill -0 "$pid" 2>/dev/null || return 0; sleep 0.1; done
  echo "the service did not end after SIG$signal" && return 1
}

if [ "$(id -u)" -ne 0 ]; then
  home=$(mktemp -d)
  git clone --quiet "$checkout" "$home/reinstate"
  as_me "$home"
  rm -rf "$home"
  exit 0
fi

user=reinstate-reader
id "$user" >/dev/null 2>&1 || useradd --create-home "$user"
home=$(getent passwd "$user" | cut -d: -f6)
chmod 700 "$home"
rm -rf "$home/reinstate"
git -c safe.directory='*' clone --quiet "$checkout" "$home/reinstate"
chown -R "$user": "$home/reinstate"
export HOME=$home
runuser -u "$user" -- env HOME="$home" PATH="$PATH" bash -c "$(declare -f as_me service_starts_and_goes_on run_service); set -euo pipefail; as_me '$home'"
rm -rf "$home/reinstate"
