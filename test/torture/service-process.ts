import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { packageRoot } from '../../src/platform/package-root.js';
import type { ReinstateTestDatabase } from '../support/postgres.js';
import { patienceMs } from './patience.js';
import { WireGate } from './wire-gate.js';

/** What the torture tells a service: how far its clock is ahead; the first such word lets it begin. */
export interface Order {
  readonly aheadMs: number;
}

/** What a service says once it listens. */
export interface Ready {
  readonly url: string;
  readonly firstToken: string | undefined;
}

export interface Surroundings {
  /** a directory for configuration and log */
  readonly directory: string;
  readonly reinstate: ReinstateTestDatabase;
  /** URLs of the shop, by credential */
  readonly shop: { readonly replicate: string; readonly read: string; readonly write: string };
  readonly shopId: string;
}

/** Reinstate in a process of its own, which reaches its database and the shop through gates of its own. */
export class ServiceProcess {
  private static readonly all = new Set<ServiceProcess>();
  private static areEnded = false;
  url = '';

  private constructor(
    private readonly child: ChildProcess,
    /** to the shop's server */
    readonly toShop: WireGate,
    /** to the service's own database */
    readonly toOwn: WireGate,
    readonly logFile: string,
  ) {
    ServiceProcess.all.add(this);
  }

  /** Kills all that run, stopped ones too, and lets none be started any more. */
  static endAll(): void {
    ServiceProcess.areEnded = true;
    for (const process of ServiceProcess.all) process.child.kill('SIGKILL');
  }

  /** Starts it up to where it waits for `begin`: by then it has read its own code, which takes longest. */
  static async spawn(surroundings: Surroundings, name: string): Promise<ServiceProcess> {
    const { directory, reinstate, shop } = surroundings;
    const toShop = await WireGate.open(shop.write);
    const toOwn = await WireGate.open(reinstate.settings.url);
    const file = join(directory, `${name}.json`);
    const config = configOf(surroundings, { toShop, toOwn });
    await writeFile(file, JSON.stringify(config), { mode: 0o600 });
    const root = packageRoot();
    const loader = join(root, 'test/e2e/run-typescript.mjs');
    const script = join(root, 'test/torture/service.ts');
    if (ServiceProcess.areEnded) throw new Error('no service is started any more');
    const child = spawn(process.execPath, ['--import', loader, script], {
      cwd: directory,
      env: { PATH: process.env['PATH'], REINSTATE_CONFIG: file },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    const logFile = join(directory, `${name}.log`);
    child.stderr?.pipe(createWriteStream(logFile));
    return new ServiceProcess(child, toShop, toOwn, logFile);
  }

  /** Lets it begin; resolves once it listens. */
  async begin(aheadMs: number): Promise<Ready> {
    const said = once(this.child, 'message', { signal: AbortSignal.timeout(patienceMs) });
    const ended = once(this.child, 'exit').then(() => {
      throw new Error(`the service ended at its start; its log is ${this.logFile}`);
    });
    this.setClock(aheadMs);
    const [ready] = (await Promise.race([said, ended])) as [Ready];
    ended.catch(() => undefined);
    this.url = ready.url;
    return ready;
  }

  setClock(aheadMs: number): void {
    if (this.child.connected) this.child.send({ aheadMs } satisfies Order);
  }

  /** kill -9 */
  async kill(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await ended;
  }

  /** It does not run any further, and does not know it. */
  freeze(): void {
    this.child.kill('SIGSTOP');
  }

  wake(): void {
    this.child.kill('SIGCONT');
  }

  /** Ends it, if it still runs, and closes its ways. */
  async end(): Promise<void> {
    await this.kill();
    ServiceProcess.all.delete(this);
    await Promise.all([this.toShop.close(), this.toOwn.close()]);
  }
}

function configOf(
  { reinstate, shop, shopId }: Surroundings,
  { toShop, toOwn }: { toShop: WireGate; toOwn: WireGate },
): object {
  const { url, runtimeUrl } = reinstate.settings;
  return {
    http: { port: 0 },
    log_level: 'warn',
    database: {
      url: toOwn.through(url),
      runtime_url: toOwn.through(runtimeUrl ?? url),
    },
    encryption_key: Buffer.alloc(32, 5).toString('base64'),
    shops: [
      {
        id: shopId,
        name: 'Tortured shop',
        profile: 'sample-shop',
        postgres: {
          replicate: toShop.through(shop.replicate),
          read: toShop.through(shop.read),
          write: toShop.through(shop.write),
        },
        // a session that nobody uses any more lets go of its locks soon
        restore: { statement_timeout_ms: 2_000, transaction_timeout_ms: 6_000 },
      },
    ],
  };
}
