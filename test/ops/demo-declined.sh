#!/usr/bin/env bash
# The demo where the person who is asked to approve says "n": it restores nothing, lets them look further, and ends at
# Ctrl-C with a code that is not 0. In the built checkout that one stands in. Usage: demo-declined.sh
set -Eeuo pipefail
trap 'echo "FAILED: line $LINENO: $BASH_COMMAND" >&2' ERR
# a process group of its own, as it is in a terminal
set -m
# shellcheck source=test/ops/programs.sh
. "$(dirname "$0")/programs.sh"
work=$(mktemp -d)
log=$work/log
group=
trap end EXIT

end() {
  local code=$?
  trap - ERR
  set +e
  if [ "$code" -ne 0 ]; then cat "$log" >&2 2>/dev/null; fi
  if [ -n "$group" ]; then
    kill -TERM -- "-$group" 2>/dev/null
    for _ in $(seq 150); do has_ended || sleep 0.2; done
    kill -KILL -- "-$group" 2>/dev/null
  fi
  rm -rf "$work"
  exit "$code"
}

mkfifo "$work/person"
# without npm between, whose code at Ctrl-C is its own
node_modules/.bin/node dist/demo/main.js --seed 1 <"$work/person" >"$log" 2>&1 &
group=$!
exec 8>"$work/person"
within 300 grep -q 'as Alex, the second person' "$log"
echo n >&8
within 60 grep -q 'Ctrl-C ends the shop and Reinstate' "$log"
grep -q 'not approved: nothing was written to the shop' "$log" || fail 'it did not say that nothing was written'

# the cases and the runs of its incident, as the service has them
eval "$(grep -o 'export REINSTATE_URL=.*' "$log")"
node --input-type=module -e '
  const ask = async (path) => {
    const headers = { authorization: `Bearer ${process.env.REINSTATE_TOKEN}` };
    const answer = await fetch(`${process.env.REINSTATE_URL}/api/v1${path}`, { headers });
    return (await answer.json()).items;
  };
  const [{ id }] = await ask("/incidents");
  const runs = await ask(`/incidents/${id}/restore-runs`);
  const cases = await ask(`/incidents/${id}/cases?limit=500`);
  const restored = cases.filter(({ state }) => state === "restored");
  console.log(`${cases.length} cases, ${runs.length} runs, ${restored.length} restored`);
  process.exit(cases.length > 0 && runs.length === 0 && restored.length === 0 ? 0 : 1);
'

kill -INT -- "-$group"
code=0
wait "$group" || code=$?
group=
exec 8>&-
[ "$code" -eq 1 ] || fail "it ended with $code"
echo 'demo declined: held'
