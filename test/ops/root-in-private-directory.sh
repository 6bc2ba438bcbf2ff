#!/usr/bin/env bash
# As root, in a checkout below a directory that only root can enter: npm start and npm run demo put their data where the
# database server's user can go, say so, and end at Ctrl-C. Usage: root-in-private-directory.sh CHECKOUT (a built one)
set -Eeuo pipefail
trap 'echo "FAILED: line $LINENO: $BASH_COMMAND" >&2' ERR
# each program in the background is a process group of its own, as it is in a terminal
set -m
# shellcheck source=test/ops/programs.sh
. "$(dirname "$0")/programs.sh"
[ "$(id -u)" -eq 0 ] || { echo 'this is about root' >&2; exit 2; }
checkout=$(cd "${1:?usage: root-in-private-directory.sh CHECKOUT}" && pwd)
# beside the checkout, so that links serve instead of copies
private=$(mktemp -d -p "$(dirname "$checkout")" reinstate-private.XXXXXX)
chmod 700 "$private"
log=$private/log
group=
place=
theirs=
trap end EXIT

end() {
  local code=$?
  trap - ERR
  set +e
  if [ "$code" -ne 0 ] && [ -f "$log" ]; then tail -n 30 "$log" >&2; fi
  if [ -n "$group" ]; then
    kill -TERM -- "-$group" 2>/dev/null
    for _ in $(seq 150); do has_ended || sleep 0.2; done
    kill -KILL -- "-$group" 2>/dev/null
  fi
  for one in $place $theirs; do
    case "$one" in */reinstate-local-postgres/clusters/*) rm -rf "$one" ;; esac
  done
  rm -rf "$private"
  exit "$code"
}

# begin WORDS COMMAND...: in the background, until it says these words.
begin() {
  local words=$1
  shift
  # by us: the program may be slower in emptying it than we in reading what an earlier one has said
  : >"$log"
  "$@" </dev/null >>"$log" 2>&1 &
  group=$!
  within 120 grep -q -- "$words" "$log"
}

# What a terminal does at Ctrl-C: SIGINT to the whole group.
press_ctrl_c() {
  kill -INT -- "-$group"
  within 60 has_ended
  group=
}

# The places that were said, each of which there is and none of which is private.
places() {
  sed -n 's/^.*The database lives in \(\/[^ ]*\): the user .* cannot enter .*\.$/\1/p' "$log"
}

is_elsewhere() {
  case "$1" in "$private"/*) fail "the database is in $1" ;; esac
  [ -f "$1/PG_VERSION" ] || fail "no database is in $1"
}

lives() {
  node -e 'fetch(process.argv[1] + "/health/live").then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))' \
    "$(sed -n 's/^Reinstate listens on \(http[^ ]*\).*/\1/p' "$log")"
}

mkdir "$private/reinstate"
for name in package.json .npmrc bin dist node_modules profiles runbooks; do
  cp -al "$checkout/$name" "$private/reinstate/" 2>/dev/null || cp -a "$checkout/$name" "$private/reinstate/"
done
cd "$private/reinstate"
unset REINSTATE_CONFIG REINSTATE_DATABASE_URL REINSTATE_DATA_DIRECTORY
export REINSTATE_PORT=0

begin '^Reinstate listens on ' npm --silent start
place=$(places)
[ -n "$place" ] || fail 'npm start did not say where its database lives'
is_elsewhere "$place"
within 60 lives
grep -q '^Admin token, shown only now: ' "$log" || fail 'the first start showed no token'
press_ctrl_c
[ ! -e "$place/postmaster.pid" ] || fail 'npm start left its database server behind'

begin '^Reinstate listens on ' npm --silent start
grep -qF "lives in $place, where an earlier start put it" "$log" || fail 'the second start did not go on there'
if grep -q '^Admin token' "$log"; then fail 'the second start showed a token'; fi
press_ctrl_c

begin 'Reinstate is up at ' npm --silent run demo -- --once
theirs=$(places)
[ "$(wc -l <<<"$theirs")" -eq 2 ] || fail 'the demo did not say where its two databases live'
for one in $theirs; do is_elsewhere "$one"; done
press_ctrl_c
for one in $theirs; do [ ! -e "$one" ] || fail "the demo left $one behind"; done
[ -z "$(ls .data | grep '^demo-' || true)" ] || fail 'the demo left files behind'

printf 'as root below a 0700 directory: held, in %s s\n' "$SECONDS"
