import { setTimeout as sleep } from 'node:timers/promises';
import type { LocalPostgres } from '../../../local-postgres/local-postgres.js';
import { messageOf } from '../errors.js';
import { Log } from '../telemetry/log.js';

const lookEveryMs = 1_000;
/** The workers of a killed server take some seconds to go; what does not start by then needs a person. */
const reviveForMs = 10_000;
const retryPauseMs = 500;

/** Without its own database the service can do nothing: it ends, and whoever runs it starts it again. */
export class EmbeddedDatabaseLost extends Error {
  override readonly name = 'EmbeddedDatabaseLost';

  constructor(why: string) {
    super(
      `The database server of Reinstate is gone and could not be started again within ${reviveForMs / 1000} s, so Reinstate ends.\n${why}`,
    );
  }
}

/** Watches the service's own PostgreSQL: one that died is started again, on the same port. */
export class EmbeddedWatch {
  private readonly log = new Log('Database');
  private readonly stopping = new AbortController();
  private watching: Promise<void> = Promise.resolve();

  constructor(
    private readonly server: Pick<LocalPostgres, 'runs' | 'revive'>,
    private readonly lost: (error: EmbeddedDatabaseLost) => void,
  ) {}

  start(): void {
    this.watching = this.watch();
  }

  /** Call before the server is stopped on purpose. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await this.watching;
  }

  private async watch(): Promise<void> {
    while (await this.pause(lookEveryMs)) {
      if (await this.server.runs()) continue;
      this.log.error({ event: 'database-died' }, 'the database server died; starting it again');
      const why = await this.revive();
      if (this.stopping.signal.aborted) return;
      if (why !== undefined) {
        this.lost(new EmbeddedDatabaseLost(why));
        return;
      }
      this.log.warn({ event: 'database-restarted' }, 'the database server runs again');
    }
  }

  /** Undefined once it runs again; else why it does not. */
  private async revive(): Promise<string | undefined> {
    const begunAt = performance.now();
    for (;;) {
      try {
        await this.server.revive();
        return undefined;
      } catch (error) {
        if (performance.now() - begunAt > reviveForMs) return messageOf(error);
      }
      if (!(await this.pause(retryPauseMs))) return undefined;
    }
  }

  /** False where the watch is to end. */
  private async pause(milliseconds: number): Promise<boolean> {
    const { signal } = this.stopping;
    await sleep(milliseconds, undefined, { signal }).catch(() => undefined);
    return !signal.aborted;
  }
}
