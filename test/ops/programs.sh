# For scripts that run programs in the background, each a process group of its own ($group). To be sourced.

fail() {
  echo "FAILED: $*" >&2
  exit 1
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

# A process that has ended but was not yet fetched by its parent (Z) runs no more.
has_ended() {
  ps -e -o pgid=,stat= | awk -v group="$group" '$1 == group && $2 !~ /^Z/ { runs = 1 } END { exit runs }'
}
