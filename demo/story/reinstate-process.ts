import { spawn, type ChildProcess } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { unlessAborted } from './interruption.js';

const startTimeoutMs = 60_000;
const stopTimeoutMs = 20_000;

/** Reinstate as a user runs it: its own process, a configuration file, an address and a token on stdout. */
export interface ReinstateProcess {
  readonly url: string;
  readonly firstToken: string;
  /** Asks it to end and waits; its database ends with it. */
  stop(): Promise<void>;
}

export async function startReinstate(options: {
  configFile: string;
  logFile: string;
  /** gets what it says of its database before it is up: where it was put, as whom its server runs */
  onPlaced: (line: string) => void;
  /** ends it if it is not ready yet */
  signal: AbortSignal;
}): Promise<ReinstateProcess> {
  const script = fileURLToPath(new URL('../../src/main.js', import.meta.url));
  const child = spawn(process.execPath, [script], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...withoutReinstate(process.env), REINSTATE_CONFIG: options.configFile },
    // Ctrl-C in the terminal is for the demo, which then ends its programs in order
    detached: true,
  });
  child.stderr.pipe(createWriteStream(options.logFile));
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  try {
    const start = await unlessAborted(readStart(child, options), options.signal);
    return { ...start, stop: () => stop(child, ended) };
  } catch (error) {
    await stop(child, ended);
    throw error;
  }
}

/** The user's own settings of Reinstate are for theirs: the demo must neither write to it nor stop it. */
function withoutReinstate(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const others = Object.entries(environment).filter(([name]) => !name.startsWith('REINSTATE_'));
  return Object.fromEntries(others);
}

/** Reads address and token from what it prints at its start. */
function readStart(
  child: ChildProcess & { stdout: NodeJS.ReadableStream },
  { logFile, onPlaced }: { logFile: string; onPlaced: (line: string) => void },
): Promise<{ url: string; firstToken: string }> {
  return new Promise((resolve, reject) => {
    const fail = (why: string): void =>
      reject(new Error(`Reinstate ${why}; its log is ${logFile}`));
    const timer = setTimeout(() => fail('did not start in time'), startTimeoutMs);
    child.once('exit', () => fail('ended before it was ready'));
    let url = '';
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (/^(The database|PostgreSQL) /.test(line)) onPlaced(line);
      url = /^Reinstate listens on (\S+)/.exec(line)?.[1] ?? url;
      const firstToken = /^Admin token, shown only now: (\S+)/.exec(line)?.[1];
      if (firstToken === undefined) return;
      clearTimeout(timer);
      resolve({ url, firstToken });
    });
  });
}

async function stop(child: ChildProcess, ended: Promise<void>): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), stopTimeoutMs);
  await ended;
  clearTimeout(timer);
}
