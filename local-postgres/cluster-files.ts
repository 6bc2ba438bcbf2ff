import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { open, readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { failedWith } from './failure.js';
import { lockName } from './start-lock.js';
import type { SystemUser } from './system-user.js';

/** What we keep in a data directory beside PostgreSQL's own files. */
export const clusterFiles = {
  /** written before anything else: all of the directory is ours to throw away */
  making: 'local-postgres.making',
  /** written last: the cluster is whole */
  made: 'local-postgres.made',
  /** the superuser's password, for its owner and root only */
  password: 'superuser-password',
  /** settings of the last start, included at the end of postgresql.conf */
  settings: 'local-postgres.conf',
  log: 'server.log',
} as const;

/** `absent` and `empty` may become a cluster; `foreign` holds what others put there and is left alone. */
export type DirectoryState = 'absent' | 'empty' | 'half-made' | 'made' | 'foreign';

/** Judges a data directory by the names in it. */
export function judgeDirectory(names: string[]): Exclude<DirectoryState, 'absent'> {
  if (names.includes(clusterFiles.made)) return 'made';
  // also under the name it has while it is written
  if (names.some((name) => name.startsWith(clusterFiles.making))) return 'half-made';
  return names.every(isNobodys) ? 'empty' : 'foreign';
}

/** Files that say nothing about whose directory it is: our lock, and what a fresh file system brings. */
export function isNobodys(name: string): boolean {
  return name.startsWith(lockName) || name === 'lost+found';
}

export async function readDirectoryState(directory: string): Promise<DirectoryState> {
  try {
    return judgeDirectory(await readdir(directory));
  } catch (error) {
    if (failedWith(error, 'ENOENT')) return 'absent';
    if (failedWith(error, 'ENOTDIR')) return 'foreign';
    throw error;
  }
}

/** Gives the directory itself to the user (absent: leaves it ours) and closes it to all others. */
export async function takeDirectory(
  directory: string,
  user: SystemUser | undefined,
): Promise<void> {
  const handle = await open(directory, constants.O_DIRECTORY | constants.O_NOFOLLOW);
  try {
    if (user) await handle.chown(user.uid, user.gid);
    await handle.chmod(0o700);
  } finally {
    await handle.close();
  }
}

/**
 * Writes a whole file for the server's user, mode 0600: a reader sees the old text or the new one, and a
 * link planted under the file's name is replaced, not followed.
 */
export async function writeForUser(
  file: { directory: string; name: string; text: string },
  user: SystemUser | undefined,
): Promise<void> {
  const work = join(file.directory, `${file.name}.${randomBytes(4).toString('hex')}`);
  const handle = await open(work, 'wx', 0o600);
  try {
    if (user) await handle.chown(user.uid, user.gid);
    await handle.writeFile(file.text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(work, join(file.directory, file.name));
}

/** Makes renames in a directory survive a power cut. */
export async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, constants.O_DIRECTORY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
