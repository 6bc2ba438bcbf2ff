#!/usr/bin/env bash
# Plays seeds of the simulation: `npm run simulate -- --help`. See docs/simulation.md.
set -euo pipefail
cd "$(dirname "$0")/../.."
exec node_modules/.bin/node --disable-warning=ExperimentalWarning --import ./test/e2e/run-typescript.mjs \
  test/simulation/simulate.ts "$@"
