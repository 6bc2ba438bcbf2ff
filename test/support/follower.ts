import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { packageRoot } from '../../src/platform/package-root.js';
import type { FollowerOrder } from './follower-main.js';
import type { Harness, HarnessLimits } from './replication-harness.js';

/** A process of its own that follows the harness's shop, in the service's own timings. */
export interface Follower {
  readonly pid: number;
  /** SIGSTOP, SIGCONT */
  signal(name: 'SIGSTOP' | 'SIGCONT'): void;
  /** kill -9, also of one that is stopped */
  kill(): Promise<void>;
  /** most memory that it has ever had, in bytes */
  peakBytes(): Promise<number>;
}

/** Starts to follow a shop that was attached before; another process may follow it already. */
export async function startFollower(
  harness: Harness,
  limits: HarnessLimits = {},
): Promise<Follower> {
  const { reinstate, shop, shopId } = harness;
  const { replicate: replicateUrl, read: readUrl } = shop.credentials;
  const order: FollowerOrder = {
    settings: reinstate.settings,
    limits,
    shop: { shopId, replicateUrl, readUrl },
  };
  const root = packageRoot();
  const loader = join(root, 'test/e2e/run-typescript.mjs');
  const main = join(root, 'test/support/follower-main.ts');
  const child = spawn(process.execPath, ['--import', loader, main, JSON.stringify(order)], {
    cwd: root,
    env: { PATH: process.env['PATH'] },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const pid = child.pid ?? 0;
  await new Promise<void>((resolve, reject) => {
    let said = '';
    const hear = (chunk: Buffer): void => {
      said += chunk.toString();
      if (said.includes('Reinstate listens on ')) resolve();
    };
    child.stdout.on('data', hear);
    child.stderr.on('data', hear);
    child.once('exit', () => reject(new Error(`the process ended:\n${said}`)));
  });
  return {
    pid,
    signal: (name) => void child.kill(name),
    kill: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    },
    peakBytes: async () => {
      const status = await readFile(`/proc/${pid}/status`, 'utf8');
      return Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1]) * 1_024;
    },
  };
}
