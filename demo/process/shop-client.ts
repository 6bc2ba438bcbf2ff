import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { FaultReport } from '../faults/fault-report.js';
import type { ReinstateCredentials } from '../shop/database.js';
import type { FaultRequest, SampleShopState } from './sample-shop.js';

export interface SpawnOptions {
  dataDirectory: string;
  seed: string;
  /** Further arguments of the shop's process, e.g. --orders-per-second 8. */
  arguments?: readonly string[];
  /** Given to Node before the script; by default nothing. */
  nodeArguments?: readonly string[];
  /** The script; by default the one built beside this file. */
  script?: string;
  /** Gets each line that the shop writes to its standard error. */
  say: (line: string) => void;
  /** Ends the process if it is not ready yet. */
  signal?: AbortSignal;
}

/** What the shop's process prints once customers are in. */
export interface ShopReady {
  pid: number;
  controlUrl: string;
  controlToken: string;
  databaseUrl: string;
  databasePort: number;
  /** Where the database server's files are, which may not be where they were asked to be. */
  dataDirectory: string;
  writeRole: string;
  seed: string;
  pastOrders: number;
  backfillMs: number;
  startedInMs: number;
}

/** The sample shop as its owner sees it from outside: a process, obeyed over HTTP. */
export interface RemoteShop {
  readonly ready: ShopReady;
  /** Resolves with the exit code once the process has ended, for whatever reason. */
  readonly ended: Promise<number | null>;
  state(): Promise<SampleShopState>;
  credentials(): Promise<ReinstateCredentials>;
  startFault(request: Omit<FaultRequest, 'segment'> & Partial<FaultRequest>): Promise<void>;
  stopFault(): Promise<FaultReport | null>;
  startSale(): Promise<void>;
  stopSale(): Promise<void>;
  bulkCancel(count: number): Promise<string[]>;
  stopTraffic(): Promise<void>;
  order(number: string): Promise<Record<string, unknown>>;
  ship(number: string): Promise<void>;
  /** Closes the pipe, as this process's death would; see `ended`. */
  letGo(): void;
  /** Asks it to end, and waits: its database server has stopped then, too. */
  shutdown(): Promise<number | null>;
}

/**
 * Starts the sample shop in a process of its own, which ends when this one does: its standard input
 * is a pipe from here.
 */
export async function spawnSampleShop(options: SpawnOptions): Promise<RemoteShop> {
  const script = options.script ?? fileURLToPath(new URL('../shop-process.js', import.meta.url));
  const child = spawn(
    process.execPath,
    [
      ...(options.nodeArguments ?? []),
      script,
      ...['--data-directory', options.dataDirectory, '--seed', options.seed],
      ...(options.arguments ?? []),
    ],
    // Ctrl-C in the terminal is for whoever started it, who then ends it in order
    { stdio: ['pipe', 'pipe', 'pipe'], detached: true },
  );
  const ended = new Promise<number | null>((resolve) => {
    child.once('exit', (code) => resolve(code));
  });
  createInterface({ input: child.stderr }).on('line', options.say);
  return remoteShop({
    ready: await readReady(child, { ended, signal: options.signal }),
    ended,
    letGo: () => child.stdin.end(),
  });
}

async function readReady(
  child: ChildProcess & { stdin: NodeJS.WritableStream; stdout: NodeJS.ReadableStream },
  { ended, signal }: { ended: Promise<number | null>; signal: AbortSignal | undefined },
): Promise<ShopReady> {
  const lines = createInterface({ input: child.stdout });
  const first = new Promise<string>((resolve) => lines.once('line', resolve));
  const early = ended.then((code) => {
    throw new Error(`the sample shop ended with ${String(code)} before it was ready`);
  });
  const failed = new Promise<never>((_resolve, reject) => child.once('error', reject));
  const aborted = new Promise<never>((_resolve, reject) => {
    const abort = (): void => reject(signal?.reason as Error);
    if (signal?.aborted === true) abort();
    signal?.addEventListener('abort', abort, { once: true });
  });
  try {
    return JSON.parse(await Promise.race([first, early, failed, aborted])) as ShopReady;
  } catch (error) {
    child.stdin.end();
    if (child.pid !== undefined) await ended;
    throw error;
  }
}

function remoteShop(process: Pick<RemoteShop, 'ready' | 'ended' | 'letGo'>): RemoteShop {
  const { ready, ended } = process;
  const ask = async (method: 'GET' | 'POST', path: string, body?: unknown): Promise<unknown> => {
    const response = await fetch(`${ready.controlUrl}${path}`, {
      method,
      headers: { authorization: `Bearer ${ready.controlToken}` },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const answer: unknown = await response.json();
    if (response.ok) return answer;
    throw new Error(`${method} ${path}: ${response.status} ${JSON.stringify(answer)}`);
  };
  const act = async (path: string, body?: unknown): Promise<void> => {
    await ask('POST', path, body);
  };
  return {
    ...process,
    state: async () => (await ask('GET', '/state')) as SampleShopState,
    credentials: async () => (await ask('GET', '/credentials')) as ReinstateCredentials,
    startFault: (request) => act('/fault/start', request),
    stopFault: async () => (await ask('POST', '/fault/stop')) as FaultReport | null,
    startSale: () => act('/sale/start'),
    stopSale: () => act('/sale/stop'),
    bulkCancel: async (count) =>
      ((await ask('POST', '/bulk-cancel', { count })) as { cancelled: string[] }).cancelled,
    stopTraffic: () => act('/traffic/stop'),
    order: async (number) => (await ask('GET', orderPath(number))) as Record<string, unknown>,
    ship: (number) => act(`${orderPath(number)}/ship`),
    async shutdown() {
      // a process that ends already, or has ended, needs no telling
      await act('/shutdown').catch(() => process.letGo());
      return ended;
    },
  };
}

function orderPath(number: string): string {
  return `/order/${encodeURIComponent(number)}`;
}
