import { realpath, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ClusterHome } from './cluster.js';
import { LocalPostgresError } from './failure.js';
import { postmasterFileName, readPostmasterFile } from './postmaster-file.js';
import type { PostmasterFile } from './postmaster-file.js';
import { askDataDirectory } from './probe.js';
import { isAlive, processNumbersBegan, servesDirectory } from './processes.js';

/** A server that starts after a crash may have much to recover, and one that stops much to write. */
const patienceMs = 120_000;
/** A server that says it is ready and still lets nobody in is given up sooner. */
const readyPatienceMs = 15_000;
const pollMs = 100;

/**
 * Finds the server that runs on the directory already, waiting while it starts or stops. Undefined when none
 * runs. Throws when one runs that does not let us in.
 */
export async function findRunningServer(options: {
  home: ClusterHome;
  password: string;
  say: (line: string) => void;
}): Promise<{ port: number } | undefined> {
  const { directory } = options.home;
  const begun = Date.now();
  let readySince: number | undefined;
  let why = 'it is still starting or stopping';
  let told = false;
  for (;;) {
    const found = await readPostmasterFile(directory);
    if (!found) return undefined;
    if (!(await servesDirectory(found.pid, directory))) {
      await dropStaleFile(directory, found);
      return undefined;
    }
    if (found.status === 'ready') {
      readySince ??= Date.now();
      const answer = await askDataDirectory({ port: found.port, password: options.password });
      if ('why' in answer) why = answer.why;
      else if (answer.directory === (await realpath(directory))) return { port: found.port };
      else why = `port ${found.port} is answered by another server`;
    }
    if (!told)
      options.say(`A server runs on ${directory} already (${found.status}); waiting for it.`);
    told = true;
    const now = Date.now();
    if (now - begun > patienceMs || now - (readySince ?? now) > readyPatienceMs) {
      throw unusable({ directory, found, why });
    }
    await sleep(pollMs);
  }
}

function unusable(options: {
  directory: string;
  found: PostmasterFile;
  why: string;
}): LocalPostgresError {
  const { directory, found, why } = options;
  return new LocalPostgresError({
    what: `The database server of ${directory} cannot be used`,
    why: `it runs as process ${found.pid} on port ${found.port}, but ${why}.`,
    wayOut: `End it (kill -INT ${found.pid}) and start again.`,
  });
}

/**
 * A pid file of an earlier life of the machine or the container can name a process of today that has
 * nothing to do with it, which PostgreSQL would take for a running server. Within one life the file stays:
 * PostgreSQL needs it to see whether workers of a killed server still write.
 */
async function dropStaleFile(directory: string, found: PostmasterFile): Promise<void> {
  if (!(await isAlive(found.pid))) return;
  if (found.startedAt >= (await processNumbersBegan())) return;
  await rm(join(directory, postmasterFileName), { force: true });
}
