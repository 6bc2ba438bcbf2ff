import { constants } from 'node:fs';
import { access, lstat, mkdir, open } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { unless } from './failure.js';
import { weAreRoot } from './system-user.js';

/**
 * Directories outside the checkout, for what the server's user cannot reach inside it. Some candidates stand
 * in places that everyone may write to, so nothing found there is trusted unless only we can have put it there.
 */
function candidates(): string[] {
  const name = 'reinstate-local-postgres';
  if (weAreRoot()) return ['/var/lib', '/var/tmp', tmpdir()].map((base) => join(base, name));
  const uid = process.geteuid?.() ?? 0;
  return [join(homedir(), '.cache', name), join(tmpdir(), `${name}-${uid}`)];
}

/** Paths of one room (`clusters`, `programs`) that exist already and are safe to trust, best first. */
export async function existingSharedPlaces(room: string): Promise<string[]> {
  const found: string[] = [];
  for (const base of candidates()) {
    if ((await isOurs(base)) && (await isOurs(join(base, room)))) found.push(join(base, room));
  }
  return found;
}

/**
 * Makes the room in each candidate that allows it, best first. The caller takes the first that serves: a
 * place may still be mounted so that nothing can be run from it, or be closed to the server's user.
 * Others can walk through these directories, not list or write them.
 */
export async function* sharedPlaces(room: string): AsyncGenerator<string> {
  for (const base of candidates()) {
    const place = join(base, room);
    if ((await makeOurs(base)) && (await makeOurs(place))) yield place;
  }
}

async function makeOurs(directory: string): Promise<boolean> {
  const refused = ['EACCES', 'EPERM', 'EROFS', 'ENOENT', 'ENOTDIR', 'ENOSPC'];
  const made = await unless(
    mkdir(directory, { mode: 0o700 }).then(() => true),
    [...refused, 'EEXIST'],
    false,
  );
  if (!(await isOurs(directory))) return false;
  if (made) await openToWalkers(directory);
  // the file system may be mounted read-only
  return await unless(
    access(directory, constants.W_OK).then(() => true),
    refused,
    false,
  );
}

/** A directory, no link to one, that belongs to us and that nobody else may write. */
async function isOurs(directory: string): Promise<boolean> {
  const found = await unless(lstat(directory), ['ENOENT', 'EACCES', 'ENOTDIR'], undefined);
  if (!found?.isDirectory()) return false;
  return found.uid === process.geteuid?.() && (found.mode & 0o022) === 0;
}

async function openToWalkers(directory: string): Promise<void> {
  const handle = await open(directory, constants.O_DIRECTORY | constants.O_NOFOLLOW);
  try {
    await handle.chmod(0o711);
  } finally {
    await handle.close();
  }
}
