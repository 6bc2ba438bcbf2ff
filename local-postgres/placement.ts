import { createHash } from 'node:crypto';
import { chmod, mkdir, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import type { ClusterHome } from './cluster.js';
import { readDirectoryState, takeDirectory } from './cluster-files.js';
import { LocalPostgresError, failedWith, messageOf, unless } from './failure.js';
import { existingSharedPlaces, sharedPlaces } from './shared-place.js';
import { canEnter, chooseServerUser, userWithId, weAreRoot } from './system-user.js';
import type { SystemUser } from './system-user.js';

const room = 'clusters';

type Say = (line: string) => void;

/**
 * Decides where the cluster of a requested path lives and as whom its server runs, and makes that directory
 * for it. As an ordinary user it is always the requested path. As root it is elsewhere, under a name that
 * the same path always gets, when the server's user cannot enter the requested one. A cluster that was made
 * stays where it is and keeps its user.
 */
export async function placeCluster(dataDirectory: string, say: Say): Promise<ClusterHome> {
  const requested = await canonicalPath(resolve(dataDirectory));
  try {
    return await (weAreRoot() ? placeAsRoot(requested, say) : placeAsOurselves(requested));
  } catch (error) {
    if (!failedWith(error, 'EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'EEXIST', 'ELOOP')) throw error;
    throw new LocalPostgresError({
      what: `The database cannot be put into ${requested}`,
      why: messageOf(error),
      wayOut: 'Choose a directory that this user may make and write.',
    });
  }
}

/** Where `placeCluster` may have put the cluster of a requested path: what of it there is, best first. */
export async function findPlaces(dataDirectory: string): Promise<string[]> {
  const requested = await canonicalPath(resolve(dataDirectory));
  const shared = weAreRoot() ? await existingSharedPlaces(room) : [];
  const places = [requested, ...shared.map((place) => join(place, stableName(requested)))];
  const states = await Promise.all(places.map(readDirectoryState));
  return places.filter((_, index) => states[index] !== 'absent' && states[index] !== 'foreign');
}

async function placeAsRoot(requested: string, say: Say): Promise<ClusterHome> {
  return (
    (await existingCluster(requested)) ??
    (await relocatedCluster(requested, say)) ??
    (await placeNew(requested, await chooseServerUser(say), say))
  );
}

/** The path without links in the part that exists, so that one place has one name. */
async function canonicalPath(path: string): Promise<string> {
  const real = await unless(realpath(path), ['ENOENT', 'EACCES', 'ENOTDIR'], undefined);
  if (real !== undefined) return real;
  const parent = dirname(path);
  return parent === path ? path : join(await canonicalPath(parent), basename(path));
}

async function placeAsOurselves(directory: string): Promise<ClusterHome> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const owner = await stat(directory);
  if (owner.uid !== (process.geteuid?.() ?? owner.uid)) throw belongsToOther(directory, owner);
  await requireUsable(directory);
  await takeDirectory(directory, undefined);
  return { directory, user: undefined };
}

function belongsToOther(directory: string, owner: { uid: number }): LocalPostgresError {
  return new LocalPostgresError({
    what: `The database cannot be put into ${directory}`,
    why: `that directory belongs to user number ${owner.uid}, and PostgreSQL runs only as its owner.`,
    wayOut: 'Start as that user or as root, or choose another directory.',
  });
}

/** Never touch what others put there. */
async function requireUsable(directory: string): Promise<void> {
  if ((await readDirectoryState(directory)) !== 'foreign') return;
  throw new LocalPostgresError({
    what: `The database cannot be put into ${directory}`,
    why: 'files stand there that were not put there by an earlier start.',
    wayOut: 'Choose an empty or a new directory.',
  });
}

async function existingCluster(directory: string): Promise<ClusterHome | undefined> {
  if ((await readDirectoryState(directory)) !== 'made') return undefined;
  const { uid, gid } = await stat(directory);
  if (uid === 0) {
    throw new LocalPostgresError({
      what: `The database in ${directory} cannot be opened`,
      why: 'its files belong to root, as whom PostgreSQL does not run.',
      wayOut: `Give them back to the user they were made for: chown -R <user> ${directory}`,
    });
  }
  const user = await userWithId({ uid, gid });
  if (await canEnter(user, directory)) return { directory, user };
  throw new LocalPostgresError({
    what: `The database in ${directory} cannot be opened`,
    why: `the user ${user.name}, as whom its server runs, cannot enter that directory any more.`,
    wayOut: `Let the user walk through the directories above it (chmod o+x), or move it to where it can.`,
  });
}

async function relocatedCluster(requested: string, say: Say): Promise<ClusterHome | undefined> {
  for (const place of await existingSharedPlaces(room)) {
    const home = await existingCluster(join(place, stableName(requested)));
    if (!home) continue;
    say(`The database of ${requested} lives in ${home.directory}, where an earlier start put it.`);
    return home;
  }
  return undefined;
}

async function placeNew(requested: string, user: SystemUser, say: Say): Promise<ClusterHome> {
  // the directory itself will be the user's; it is the way there that counts
  if (await canEnter(user, await nearestExisting(dirname(requested)))) {
    await makeParents(dirname(requested));
    return { directory: await makeHome(requested, user), user };
  }
  for await (const place of sharedPlaces(room)) {
    if (!(await canEnter(user, place))) continue;
    const directory = await makeHome(join(place, stableName(requested)), user);
    say(
      `The database lives in ${directory}: the user ${user.name}, as whom its server runs, ` +
        `cannot enter ${requested}.`,
    );
    return { directory, user };
  }
  throw new LocalPostgresError({
    what: `The database cannot be put into ${requested}`,
    why: `the user ${user.name}, as whom the server runs, cannot enter it, and no other place was found.`,
    wayOut: 'Choose a data directory that other users can walk to.',
  });
}

/** Readable, and different for every path. */
function stableName(requested: string): string {
  const digest = createHash('sha256').update(requested).digest('hex').slice(0, 12);
  return `${basename(requested).replace(/[^\w-]/g, '_')}-${digest}`;
}

async function nearestExisting(path: string): Promise<string> {
  const found = await unless(stat(path), ['ENOENT'], undefined);
  if (!found) return await nearestExisting(dirname(path));
  if (found.isDirectory()) return path;
  throw new LocalPostgresError({
    what: `The database cannot be put below ${path}`,
    why: 'that is a file.',
    wayOut: 'Choose a path below a directory.',
  });
}

/** Missing parents, made so that the server's user can walk through them whatever our mask is. */
async function makeParents(path: string): Promise<void> {
  if (await unless(stat(path), ['ENOENT'], undefined)) return;
  await makeParents(dirname(path));
  const made = mkdir(path).then(() => true);
  if (await unless(made, ['EEXIST'], false)) await chmod(path, 0o755);
}

async function makeHome(directory: string, user: SystemUser): Promise<string> {
  await unless(mkdir(directory, { mode: 0o700 }), ['EEXIST'], undefined);
  await requireUsable(directory);
  await takeDirectory(directory, user);
  return directory;
}
