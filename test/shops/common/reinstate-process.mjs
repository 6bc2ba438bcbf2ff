/** Reinstate as a user runs it: its own process and PostgreSQL, a configuration file, an address and a token. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const mainFile =
  process.env.REINSTATE_MAIN ??
  fileURLToPath(new URL('../../../dist/src/main.js', import.meta.url));

const startMs = 60_000;
const stopMs = 20_000;

/** JSON is YAML. A port of the system's choice; the shop's credentials stand in a file for this user alone. */
async function writeConfig({ directory, credentials, shopId, name, profile }) {
  const { replicate, read, write } = credentials;
  const file = join(directory, 'reinstate.yaml');
  const config = {
    data_directory: 'data',
    http: { port: 0 },
    shops: [{ id: shopId, name, profile, postgres: { replicate, read, write } }],
  };
  await writeFile(file, JSON.stringify(config, null, 2), { mode: 0o600 });
  return file;
}

/** Resolves with what it says at its first start; undefined where it ends before. */
async function readStart(child) {
  return new Promise((resolve) => {
    let url;
    child.once('exit', () => resolve(undefined));
    createInterface({ input: child.stdout }).on('line', (line) => {
      url = /^Reinstate listens on (\S+)/.exec(line)?.[1] ?? url;
      const token = /^Admin token, shown only now: (\S+)/.exec(line)?.[1];
      if (token) resolve({ url, token });
    });
  });
}

async function inTime(promise, { milliseconds, what }) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`${what} took longer than ${milliseconds} ms`)),
      milliseconds,
    );
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

async function endProcess(child, exited) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  await inTime(exited, { milliseconds: stopMs, what: 'the end of Reinstate' }).catch(
    async (error) => {
      child.kill('SIGKILL');
      await exited;
      throw error;
    },
  );
}

/**
 * Starts the built service on a new, empty data directory and resolves with its `url`, its first `token`,
 * `log()` (what it logged, as text) and `stop`, which takes everything away again.
 * @param {{ credentials: { replicate: string, read: string, write: string }, shopId: string, name: string, profile: string }} options
 */
export async function startReinstate({ credentials, ...watched }) {
  const directory = await mkdtemp(join(tmpdir(), 'reinstate-'));
  // as root, its PostgreSQL runs as another user, who has to get through here
  await chmod(directory, 0o711);
  const logFile = join(directory, 'log');
  const configFile = await writeConfig({ directory, credentials, ...watched });
  const child = spawn(process.execPath, [mainFile], {
    cwd: directory,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, REINSTATE_CONFIG: configFile },
  });
  const exited = once(child, 'exit');
  const log = createWriteStream(logFile);
  child.stdout.pipe(log, { end: false });
  child.stderr.pipe(log, { end: false });
  const stop = async () => {
    await endProcess(child, exited).finally(() => log.end());
    await rm(directory, { recursive: true, force: true });
  };
  try {
    const started = await inTime(readStart(child), {
      milliseconds: startMs,
      what: 'the start of Reinstate',
    });
    if (!started)
      throw new Error(`Reinstate ended at its start:\n${await readFile(logFile, 'utf8')}`);
    return { ...started, log: () => readFile(logFile, 'utf8'), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
