import { randomBytes } from 'node:crypto';
import { readlink, symlink, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { LocalPostgresError, unless } from './failure.js';
import { startMark } from './processes.js';

export const lockName = 'start.lock';

/** Longer than making a cluster and recovering a big one take together; then something is wrong. */
const patienceMs = 180_000;
const pollMs = 50;

/**
 * Lets one caller at a time, of all processes, make, start or adopt the server of a directory. The lock of a
 * process that died is taken over.
 *
 * The lock is a symbolic link that points nowhere: made in one step, and its text names the holder.
 */
export async function withStartLock<T>(directory: string, work: () => Promise<T>): Promise<T> {
  const lock = join(directory, lockName);
  await take(lock, await ownToken());
  try {
    return await work();
  } finally {
    await unless(unlink(lock), ['ENOENT'], undefined);
  }
}

async function take(lock: string, token: string): Promise<void> {
  const giveUpAt = Date.now() + patienceMs;
  while (!(await makeLink(token, lock))) {
    const holder = await readLink(lock);
    if (holder === undefined) continue;
    if (!(await lives(holder))) await breakLock({ lock, holder, token });
    else await sleep(pollMs);
    if (Date.now() > giveUpAt) {
      throw new LocalPostgresError({
        what: 'The database server was not started',
        why: `process ${pidOf(holder)} has held ${lock} for ${patienceMs / 1000} seconds.`,
        wayOut: 'End that process; if it has nothing to do with this server, remove the lock.',
      });
    }
  }
}

/**
 * Removes a dead holder's lock. Who does it is decided by a second link, named after that holder: without
 * it, two could see the dead one, and the slower remove the new lock of the faster.
 */
async function breakLock(options: { lock: string; holder: string; token: string }): Promise<void> {
  const claim = `${options.lock}.${options.holder.split(':').at(-1) ?? ''}`;
  if (!(await makeLink(options.token, claim))) {
    const claimant = await readLink(claim);
    if (claimant !== undefined && !(await lives(claimant))) {
      await unless(unlink(claim), ['ENOENT'], undefined);
    }
    await sleep(pollMs);
    return;
  }
  if ((await readLink(options.lock)) === options.holder) {
    await unless(unlink(options.lock), ['ENOENT'], undefined);
  }
  await unless(unlink(claim), ['ENOENT'], undefined);
}

async function makeLink(token: string, path: string): Promise<boolean> {
  return await unless(
    symlink(token, path).then(() => true),
    ['EEXIST'],
    false,
  );
}

async function readLink(path: string): Promise<string | undefined> {
  return await unless(readlink(path), ['ENOENT'], undefined);
}

async function ownToken(): Promise<string> {
  const mark = (await startMark(process.pid)) ?? '';
  return `${process.pid}:${Buffer.from(mark).toString('hex')}:${randomBytes(8).toString('hex')}`;
}

async function lives(token: string): Promise<boolean> {
  const mark = await startMark(pidOf(token));
  return mark !== undefined && Buffer.from(mark).toString('hex') === token.split(':')[1];
}

function pidOf(token: string): number {
  return Number.parseInt(token, 10);
}
