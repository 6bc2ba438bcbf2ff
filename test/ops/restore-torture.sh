#!/usr/bin/env bash
# Restores wrongly cancelled orders of a real shop while Reinstate is killed, stopped or cut off, and its shop's
# server is killed: at named points (--named) and at random ones (--seeds N). A table, and 0 where all is well.
# One alone, with the same draws: --seed N. See docs/torture-restore.md.
set -euo pipefail
cd "$(dirname "$0")/../.."
exec node_modules/.bin/node --disable-warning=ExperimentalWarning --import ./test/e2e/run-typescript.mjs \
  test/torture/restore.ts "$@"
