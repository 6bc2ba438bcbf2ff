#!/usr/bin/env bash
# What the README tells a new user to do, done: npm run check with all tests, and beside it the demo, the service with a
# real shop, the command line, Ctrl-C, a restart, kill -9. Usage: readme-commands.sh CHECKOUT (a fresh one, our own)
set -Eeuo pipefail
trap 'echo "FAILED: line $LINENO: $BASH_COMMAND" >&2' ERR
# each program in the background is a process group of its own, as it is in a terminal
set -m
cd "$1"
work=$(mktemp -d)
trap end EXIT

end() {
  local code=$?
  trap - ERR
  # whatever goes wrong here, the rest is ended too, and the code stays what it was
  set +e
  if [ "$code" -ne 0 ]; then tail -n 30 "$work"/*.err "$work"/demo.out >&2 2>/dev/null; fi
  for group in "${groups[@]}"; do
    kill -TERM -- "-$group" 2>/dev/null || continue
    for _ in $(seq 150); do has_ended "$group" || sleep 0.2; done
    kill -KILL -- "-$group" 2>/dev/null
  done
  rm -rf "$work"
  exit "$code"
}
groups=()

# Ends the whole script, also where set -e does not reach (a function that is asked for its success).
fail() {
  echo "FAILED: $*" >&2
  exit 1
}

said() {
  printf '\n--- %s (%s s)\n' "$1" "$SECONDS"
}

# within SECONDS QUESTION...: until the answer is yes.
within() {
  local until=$((SECONDS + $1))
  shift
  until "$@"; do
    [ "$SECONDS" -lt "$until" ] || fail "waited in vain for: $*"
    sleep 0.2
  done
}

# A field of the JSON on standard input.
field() {
  node -e 'const all = JSON.parse(require("fs").readFileSync(0)); console.log(process.argv[1].split(".").reduce((value, name) => value?.[name], all) ?? "")' "$1"
}

# The package's own command line as the README writes it; npx must find it without asking a registry.
reinstate() {
  npm_config_registry=http://127.0.0.1:9 npm_config_offline=true npx reinstate "$@"
}

# ends CODE WORDS COMMAND...: the command ends with this code and says these words on standard error.
ends() {
  local wanted=$1 words=$2 code=0
  shift 2
  "$@" >"$work/ends.out" 2>"$work/ends.err" || code=$?
  [ "$code" -eq "$wanted" ] || fail "$* ended with $code instead of $wanted"
  grep -q -- "$words" "$work/ends.err" || fail "$* did not say: $words"
}

# tells WORDS COMMAND...: the answer holds these words, and nothing else is said.
tells() {
  local words=$1
  shift
  "$@" >"$work/tells.out" 2>"$work/tells.err" || fail "$* ended with $?"
  grep -q -- "$words" "$work/tells.out" || fail "$* did not answer: $words"
  # npm itself may warn of an older Node
  if grep -v '^npm warn' "$work/tells.err"; then fail "$* said something beside its answer"; fi
}

# npm start in the background, until it listens. Sets service (its process group) and REINSTATE_URL.
start_service() {
  npm --silent start >"$work/$1.out" 2>"$work/$1.err" &
  service=$!
  groups+=("$service")
  within 120 grep -q '^Reinstate listens on ' "$work/$1.out"
  REINSTATE_URL=$(sed -n 's/^Reinstate listens on \(http[^ ]*\).*/\1/p' "$work/$1.out")
  export REINSTATE_URL
  within 60 is_ready
}

is_ready() {
  node -e 'fetch(process.argv[1] + "/health/ready").then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))' "$REINSTATE_URL"
}

# What a terminal does at Ctrl-C: SIGINT to the whole group.
press_ctrl_c() {
  kill -INT -- "-$service"
  within 30 has_ended "$service"
}

# A process that has ended but was not yet fetched by its parent (Z) runs no more.
has_ended() {
  ps -e -o pgid=,stat= | awk -v group="$1" '$1 == group && $2 !~ /^Z/ { runs = 1 } END { exit runs }'
}

# The PostgreSQL servers of the demo, the service and the shop, by their directories; those of the tests are elsewhere.
databases() {
  pgrep -u "$(id -u)" -a -x postgres | sed -n 's/.* -D \([^ ]*\).*/\1/p' |
    awk -v checkout="$PWD/" -v work="$work/" 'index($0, checkout) == 1 || index($0, work) == 1'
}

stream_is() {
  [ "$(reinstate shop status main --json | field state)" = "$1" ]
}

has_incident() {
  [ "$(reinstate incident list --json | field items.0.number)" = 1 ]
}

journal_tells_of() {
  reinstate order journal main "$1" --json | grep -q '"cancelled"'
}

# ask METHOD PATH [BODY]: the sample shop's remote control.
ask() {
  node -e 'const [url, token, method, path, body] = process.argv.slice(1);
    fetch(url + path, { method, body, headers: { authorization: "Bearer " + token } })
      .then(async (answer) => { console.log(await answer.text()); process.exit(answer.ok ? 0 : 1); })' \
    "$(field controlUrl <"$work/shop.out")" "$(field controlToken <"$work/shop.out")" "$@"
}

said 'npm ci'
npm ci

said 'npm test, with what must hold before it (npm run check), begins'
npm run check >"$work/check.out" 2>&1 &
check=$!
groups+=("$check")

said 'npm run demo: a person approves, looks further, and ends it with Ctrl-C'
seed=$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')
echo "seed $seed"
mkfifo "$work/person"
npm --silent run demo -- --seed "$seed" <"$work/person" >"$work/demo.out" 2>"$work/demo.err" &
service=$!
groups+=("$service")
exec 8>"$work/person"
within 200 grep -q 'as Alex, the second person' "$work/demo.out"
echo y >&8
within 200 grep -q 'Ctrl-C ends the shop and Reinstate' "$work/demo.out"
node test/ops/demo-tells.mjs "$work/demo.out" asked
eval "$(grep -o 'export REINSTATE_URL=.*' "$work/demo.out")"
tells 'wrongful' reinstate incident cases 1
tells 'run finished' reinstate incident timeline 1 --scope incident --all
unset REINSTATE_URL REINSTATE_TOKEN
press_ctrl_c
exec 8>&-
[ -z "$(databases)" ] || fail 'the demo left a database server behind'
[ -z "$(ls .data)" ] || fail 'the demo left files behind'

said 'Ctrl-C while the demo starts: it ends in order'
npm --silent run demo -- --once >"$work/early.out" 2>"$work/early.err" &
service=$!
groups+=("$service")
within 120 grep -q 'the sample shop is open' "$work/early.out"
press_ctrl_c
code=0
wait "$service" || code=$?
[ "$code" -eq 130 ] || fail "the demo ended with $code instead of 130"
[ -z "$(databases)" ] || fail "the demo left a database server behind: $(databases)"
[ -z "$(ls .data)" ] || fail 'the demo left files behind'

said 'a shop, and a configuration for it'
node dist/demo/shop-process.js --data-directory "$work/shop" </dev/null >"$work/shop.out" 2>"$work/shop.err" &
shop=$!
groups+=("$shop")
within 120 grep -q '"ready":true' "$work/shop.out"
ask GET /credentials >"$work/credentials"
SHOP_REPLICATE=$(field replicate <"$work/credentials")
SHOP_READ=$(field read <"$work/credentials")
SHOP_WRITE=$(field write <"$work/credentials")
export SHOP_REPLICATE SHOP_READ SHOP_WRITE REINSTATE_PORT=0 REINSTATE_CONFIG=$work/reinstate.yaml
cat >"$REINSTATE_CONFIG" <<'YAML'
shops:
  - id: main
    name: Main shop
    profile: sample-shop
    postgres:
      replicate: ${SHOP_REPLICATE}
      read: ${SHOP_READ}
      write: ${SHOP_WRITE}
YAML

said 'npm start: the token, shown once'
start_service first
REINSTATE_TOKEN=$(sed -n 's/^Admin token, shown only now: \(rst_.*\)/\1/p' "$work/first.out")
[ -n "$REINSTATE_TOKEN" ] || fail 'no admin token was shown'
ends 2 'a token is needed' reinstate incident list
export REINSTATE_TOKEN

said 'npx reinstate'
tells 'fits the shop' reinstate shop check main
REINSTATE_ATTACH_URL=$(field attach <"$work/credentials") tells 'streaming\|snapshot' reinstate shop attach main
within 180 stream_is streaming
tells 'No incident' reinstate incident list
tells 'Usage: reinstate' reinstate --help
ends 1 'there is no incident 7' reinstate incident show 7
ends 2 "unknown command 'incidents'" reinstate incidents
REINSTATE_TOKEN=rst_wrong ends 1 'token-refused' reinstate incident list
REINSTATE_URL=http://127.0.0.1:9 ends 3 'cannot reach' reinstate incident list

said 'orders are cancelled, and an incident stands in the list'
sleep 5
ask POST /fault/start '{"way":"api","orders":20,"burstMs":6000}' >"$work/fault"
within 120 has_incident
tells 'wrongful' reinstate incident cases 1 --verdict wrongful

said 'Ctrl-C: it ends, its PostgreSQL too, and the shop goes on'
press_ctrl_c
[ "$(databases)" = "$work/shop" ] || fail "database servers after Ctrl-C: $(databases)"
sleep 4
ask POST /fault/stop >"$work/fault"
missed=$(node -e 'console.log(JSON.parse(require("fs").readFileSync(0)).cancelled.at(-1).number)' <"$work/fault")

said 'npm start again: it goes on where it was'
start_service second
if grep -q 'Admin token' "$work/second.out"; then fail 'the token was shown twice'; fi
has_incident || fail 'the incident is gone'
within 180 stream_is streaming
within 120 journal_tells_of "$missed"

said 'kill -9: the orphaned PostgreSQL is adopted'
kill -9 "$(pgrep -g "$service" -f '^[^ ]*node dist/src/main.js$')"
within 20 has_ended "$service"
# its data lie beside the configuration file
[[ "$(databases)" == *"$work/.data/postgres"* ]] || fail 'PostgreSQL ended with the service'
start_service third
grep -q 'Adopted the database server' "$work/third.out" || fail 'it was not adopted'
has_incident || fail 'the incident is gone'
within 180 stream_is streaming
press_ctrl_c

said 'nothing is left running'
ask POST /shutdown >"$work/shutdown"
within 30 has_ended "$shop"
[ -z "$(databases)" ] || fail "database servers left: $(databases)"
said 'npm run check ends'
code=0
wait "$check" || code=$?
cat "$work/check.out"
[ "$code" -eq 0 ] || fail "npm run check ended with $code"
said 'every command of the README held'
