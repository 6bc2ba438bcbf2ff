import { spawn, type ChildProcess } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { unlessAborted } from '../../demo/story/interruption.js';

const startTimeoutMs = 120_000;
const stopTimeoutMs = 30_000;

/** The built product as `npm start` runs it: a process of its own with a configuration file. */
export interface Service {
  readonly url: string;
  readonly pid: number;
  /** only of the first start on its database */
  readonly firstToken: string | undefined;
  stop(): Promise<void>;
}

export interface ServiceOptions {
  readonly configFile: string;
  readonly logFile: string;
  readonly signal: AbortSignal;
  /** told the address as soon as it listens */
  readonly onListening?: ((url: string) => void) | undefined;
}

type Start = Pick<Service, 'url' | 'firstToken'>;

/** Starts it; resolves once it has said where it listens. */
export async function startService(options: ServiceOptions): Promise<Service> {
  const script = fileURLToPath(new URL('../../src/main.js', import.meta.url));
  const child = spawn(process.execPath, [script], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'], REINSTATE_CONFIG: options.configFile },
    // Ctrl-C in the terminal is for the bench, which then ends its programs in order
    detached: true,
  });
  child.stderr.pipe(createWriteStream(options.logFile, { flags: 'a' }));
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  try {
    const start = await unlessAborted(readStart(child, options), options.signal);
    return { ...start, pid: child.pid ?? 0, stop: () => stop(child, ended) };
  } catch (error) {
    await stop(child, ended);
    throw error;
  }
}

/** Address and first token, which it prints in one go: the token, where there is one, comes last. */
function readStart(
  child: ChildProcess & { stdout: NodeJS.ReadableStream },
  { logFile, onListening }: ServiceOptions,
): Promise<Start> {
  return new Promise((resolve, reject) => {
    const fail = (why: string): void =>
      reject(new Error(`Reinstate ${why}; its log is ${logFile}`));
    const timer = setTimeout(() => fail('did not start in time'), startTimeoutMs);
    child.once('exit', () => fail('ended before it was ready'));
    let url = '';
    let firstToken: string | undefined;
    createInterface({ input: child.stdout }).on('line', (line) => {
      const listening = /^Reinstate listens on (\S+)/.exec(line)?.[1];
      if (listening !== undefined) onListening?.(listening);
      url = listening ?? url;
      firstToken = /^Admin token, shown only now: (\S+)/.exec(line)?.[1] ?? firstToken;
      if (!/^(Shops: |No shops )/.test(line)) return;
      clearTimeout(timer);
      setTimeout(() => resolve({ url, firstToken }), tokenFollowsMs);
    });
  });
}

/** The token stands in the same write as the line before it. */
const tokenFollowsMs = 50;

async function stop(child: ChildProcess, ended: Promise<void>): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), stopTimeoutMs);
  await ended;
  clearTimeout(timer);
}
