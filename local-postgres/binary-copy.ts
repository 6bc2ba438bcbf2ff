import { randomBytes } from 'node:crypto';
import { chmod, cp, lstat, mkdir, readdir, rename, rm, symlink } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import { unless } from './failure.js';
import { isAlive } from './processes.js';
import { existingSharedPlaces, sharedPlaces } from './shared-place.js';

const room = 'programs';
const beingCopied = /^copying-(\d+)-/;

/** Copies that were made before, in places that only we can write. */
export async function* presentCopies(name: string): AsyncGenerator<string> {
  for (const place of await existingSharedPlaces(room)) {
    const copy = join(place, name);
    if (await unless(lstat(copy), ['ENOENT'], undefined)) yield copy;
  }
}

/**
 * Copies the programs to one place after the other, for a caller who takes the first that serves. A copy has
 * its final name only when it is whole; one that is there already did not serve and is replaced.
 */
export async function* copyPrograms(options: {
  native: string;
  name: string;
  links: { source: string; target: string }[];
}): AsyncGenerator<string> {
  for await (const place of sharedPlaces(room)) {
    await removeAbandoned(place);
    const begunAt = Date.now();
    const work = join(place, `copying-${process.pid}-${randomBytes(4).toString('hex')}`);
    const copied = await unless(copyInto(work, options), ['ENOSPC', 'EDQUOT'], 'full');
    if (copied === 'full') {
      await rm(work, { recursive: true, force: true });
      continue;
    }
    const final = join(place, options.name);
    await publish({ work, final, begunAt });
    yield final;
  }
}

async function copyInto(
  work: string,
  options: { native: string; links: { source: string; target: string }[] },
): Promise<void> {
  await mkdir(work, { mode: 0o700 });
  const needless = /\.a$|\/lib\/pkgconfig$|\/include$/;
  for (const part of ['bin', 'lib', 'share']) {
    await cp(join(options.native, part), join(work, part), {
      recursive: true,
      verbatimSymlinks: true,
      filter: (source) => !needless.test(source),
    });
  }
  for (const { source, target } of options.links) {
    // both begin with "native/", which is what `work` stands for
    const link = join(work, relative('native', target));
    await unless(symlink(relative(dirname(target), source), link), ['EEXIST'], undefined);
  }
  await openToReaders(work);
}

/** Everyone may read and run the copy, whatever mask the packages were installed under. */
async function openToReaders(directory: string): Promise<void> {
  const executable = basename(directory) === 'bin';
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) await openToReaders(path);
    else if (entry.isFile()) await chmod(path, executable ? 0o755 : 0o644);
  }
  await chmod(directory, 0o755);
}

/** Gives the copy its final name; one that another process finished while we copied is kept instead. */
async function publish(options: { work: string; final: string; begunAt: number }): Promise<void> {
  const { work, final, begunAt } = options;
  const renamed = rename(work, final).then(() => true);
  if (await unless(renamed, ['EEXIST', 'ENOTEMPTY', 'ENOTDIR'], false)) return;
  const present = await unless(lstat(final), ['ENOENT'], undefined);
  if (present && present.ctimeMs < begunAt) {
    // set aside in one step, since a server may be running from it
    await unless(rename(final, `${work}-old`), ['ENOENT'], undefined);
    await unless(rename(work, final), ['EEXIST', 'ENOTEMPTY'], undefined);
  }
  await rm(work, { recursive: true, force: true });
  await rm(`${work}-old`, { recursive: true, force: true });
}

/** What a process left behind that died while it copied. */
async function removeAbandoned(place: string): Promise<void> {
  for (const entry of await readdir(place)) {
    const copier = Number(beingCopied.exec(entry)?.[1] ?? process.pid);
    if (await isAlive(copier)) continue;
    await rm(join(place, entry), { recursive: true, force: true });
  }
}
