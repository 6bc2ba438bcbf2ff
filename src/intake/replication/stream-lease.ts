import type { Clock } from '../../platform/clock.js';
import type { Database } from '../../platform/database/database.js';
import { newId } from '../../platform/ids.js';
import { Log } from '../../platform/telemetry/log.js';
import { LeaseStore } from '../../platform/work/lease.store.js';
import { leaseNameOf } from './replication.store.js';
import { shopProblem } from './source/shop-problem.js';
import type { StreamTimings } from './stream-timings.js';

/**
 * Which process follows a shop. It is prolonged again and again; one that was stopped for longer than it
 * lasts has lost it to whoever waits, and finds that out before it does anything.
 */
export class StreamLease {
  private readonly log = new Log('Replication');
  /** stands in our transactions, which are refused once somebody else holds the lease */
  readonly owner = newId();
  private readonly leases: LeaseStore;
  private readonly name: string;
  private timer: NodeJS.Timeout | undefined;
  private tenure: AbortController | undefined;
  /** by this process's own clock, which also goes on while the process is stopped */
  private freshUntil = -Infinity;

  constructor(
    private readonly shopId: string,
    private readonly parts: { database: Database; clock: Clock },
    private readonly timings: Pick<StreamTimings, 'leaseMs' | 'leaseRenewMs'>,
  ) {
    this.leases = new LeaseStore(parts.database);
    this.name = leaseNameOf(shopId);
  }

  /** Whether it was ours when it was last asked for. */
  get isTaken(): boolean {
    return this.tenure !== undefined;
  }

  /** Takes the lease, or keeps it; the signal is aborted once it is lost. Undefined while somebody else has it. */
  async take(): Promise<AbortSignal | undefined> {
    if (!(await this.holds())) return undefined;
    if (this.tenure === undefined) {
      this.tenure = new AbortController();
      this.timer = setInterval(() => void this.renew(), this.timings.leaseRenewMs);
    }
    return this.tenure.signal;
  }

  /** Whether the lease is ours at this moment. */
  async holds(): Promise<boolean> {
    if (performance.now() < this.freshUntil) return true;
    return this.acquire();
  }

  /** Lets the next one go on at once. */
  async release(): Promise<void> {
    this.end('the stream was stopped');
    await this.leases.release({ name: this.name, owner: this.owner }).catch(() => undefined);
  }

  private async acquire(): Promise<boolean> {
    const askedAt = performance.now();
    const { leaseMs: durationMs } = this.timings;
    const now = this.parts.clock.now();
    const epoch = await this.leases.acquire({
      ...{ name: this.name, owner: this.owner, now, durationMs },
    });
    if (epoch === undefined) this.end('another process follows the shop');
    // renewed long before it runs out for others
    else this.freshUntil = askedAt + durationMs / 2;
    return epoch !== undefined;
  }

  private async renew(): Promise<void> {
    try {
      await this.acquire();
    } catch (error) {
      this.log.warn(
        { event: 'lease-not-renewed', shop: this.shopId },
        `the lease of the shop’s stream cannot be prolonged: ${shopProblem(error)}`,
      );
    }
  }

  private end(why: string): void {
    this.freshUntil = -Infinity;
    clearInterval(this.timer);
    this.tenure?.abort(new Error(why));
    this.tenure = undefined;
  }
}
