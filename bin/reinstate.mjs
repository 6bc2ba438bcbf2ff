#!/usr/bin/env node
// Runs the command line on the pinned Node, whatever the host has, without a word of its own on stdout.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const pinned = `${root}node_modules/node/bin/node`;
const node = existsSync(pinned) ? pinned : process.execPath;
const child = spawn(node, [`${root}dist/src/cli.js`, ...process.argv.slice(2)], {
  stdio: 'inherit',
});

// Ctrl-C reaches both; the child ends in its own way, and this process with its code.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
child.on('exit', (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 0)));
