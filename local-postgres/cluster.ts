import { randomBytes } from 'node:crypto';
import { mkdir, readFile, readdir, rename, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Binaries } from './binaries.js';
import {
  clusterFiles,
  isNobodys,
  readDirectoryState,
  syncDirectory,
  takeDirectory,
  writeForUser,
} from './cluster-files.js';
import { runCommand } from './command.js';
import { LocalPostgresError, unless } from './failure.js';
import type { SystemUser } from './system-user.js';

export const superuser = 'postgres';

/** Where a cluster lives and as whom its server runs; without a user: as ourselves. */
export interface ClusterHome {
  readonly directory: string;
  readonly user: SystemUser | undefined;
}

/**
 * Makes the cluster unless it is there, and gives its superuser's password. What an interrupted making left
 * is thrown away and made anew. Call under the start lock.
 */
export async function ensureCluster(
  home: ClusterHome,
  binaries: Binaries,
  say: (line: string) => void,
): Promise<string> {
  const state = await readDirectoryState(home.directory);
  if (state !== 'made') {
    if (state === 'half-made') {
      say(`Making the database in ${home.directory} was interrupted; it is made anew.`);
    }
    await makeCluster(home, binaries);
  }
  await requireVersion(home.directory, binaries);
  return await readPassword(home.directory);
}

async function makeCluster(home: ClusterHome, binaries: Binaries): Promise<void> {
  const { directory, user } = home;
  const password = randomBytes(24).toString('hex');
  const write = async (name: string, text: string): Promise<void> =>
    await writeForUser({ directory, name, text }, user);
  await write(clusterFiles.making, 'an unfinished database cluster\n');
  await removeLeftovers(directory);
  await write(clusterFiles.password, `${password}\n`);
  // initdb wants an empty directory; the name is new each time, in case an orphaned initdb still writes
  const work = join(directory, `making-${randomBytes(4).toString('hex')}`);
  await mkdir(work, { mode: 0o700 });
  await takeDirectory(work, user);
  await runInitdb({ home, work, binaries });
  await includeOurSettings(work, user);
  for (const name of await readdir(work)) await rename(join(work, name), join(directory, name));
  await rmdir(work);
  await syncDirectory(directory);
  await write(clusterFiles.made, `made whole by PostgreSQL ${binaries.majorVersion}\n`);
  await rm(join(directory, clusterFiles.making));
  await syncDirectory(directory);
}

async function removeLeftovers(directory: string): Promise<void> {
  for (const name of await readdir(directory)) {
    if (name === clusterFiles.making || isNobodys(name)) continue;
    await rm(join(directory, name), { recursive: true, force: true, maxRetries: 5 });
  }
}

async function runInitdb(options: {
  home: ClusterHome;
  work: string;
  binaries: Binaries;
}): Promise<void> {
  const { home, work, binaries } = options;
  const made = await runCommand(
    binaries.initdb,
    [
      `--pgdata=${work}`,
      `--username=${superuser}`,
      `--pwfile=${join(home.directory, clusterFiles.password)}`,
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      // sorts by code point and knows all letters' cases, the same on every system
      ...['--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'],
    ],
    { user: home.user, directory: work },
  );
  if (made.code === 0) return;
  throw new LocalPostgresError({
    what: `The database could not be made in ${home.directory}`,
    why: `initdb failed:\n${made.output.trim().split('\n').slice(-15).join('\n')}`,
    wayOut: 'Mend that and start again: what is half made is then thrown away and made anew.',
  });
}

/** The last line of postgresql.conf, so that what each start writes has the last word. */
async function includeOurSettings(directory: string, user: SystemUser | undefined): Promise<void> {
  const name = 'postgresql.conf';
  const before = await readFile(join(directory, name), 'utf8');
  const text = `${before}\ninclude_if_exists = '${clusterFiles.settings}'\n`;
  await writeForUser({ directory, name, text }, user);
}

async function requireVersion(directory: string, binaries: Binaries): Promise<void> {
  const version = (await readFile(join(directory, 'PG_VERSION'), 'utf8')).trim();
  if (version === binaries.majorVersion) return;
  throw new LocalPostgresError({
    what: `The database in ${directory} cannot be opened`,
    why: `it was made by PostgreSQL ${version}, and the installed server is ${binaries.majorVersion}.`,
    wayOut: `Dump it with PostgreSQL ${version} and load it into a new directory, or install the earlier release.`,
  });
}

async function readPassword(directory: string): Promise<string> {
  const file = join(directory, clusterFiles.password);
  const text = await unless(readFile(file, 'utf8'), ['ENOENT'], '');
  const password = text.trim();
  if (password !== '') return password;
  throw new LocalPostgresError({
    what: `The database in ${directory} cannot be opened`,
    why: `the superuser's password is missing from ${file}.`,
    wayOut: 'Restore that file from a backup of the directory.',
  });
}
