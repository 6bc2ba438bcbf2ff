import { Log } from '../../platform/telemetry/log.js';
import type { ReplicationMetrics } from './replication.metrics.js';
import { delay, dropSlot } from './source/slot.js';
import { shopProblem } from './source/shop-problem.js';
import { readSource } from './source/shop-server.js';
import type { StreamedShop } from './streamed-shop.js';
import { bytesInWords, judgeRetained, walBoundOf } from './wal-bound.js';

export interface WalGuardOptions {
  readonly metrics: ReplicationMetrics;
  readonly retainedBytesMax: number;
  readonly intervalMs: number;
  /** whether the slot is ours to drop: somebody else may follow the shop by now */
  readonly mayDrop: () => Promise<boolean>;
}

/** A server with a bound of its own may lose it. */
const boundedLooks = 12;

/**
 * Keeps our slot from filling the disk of a shop whose server sets no bound: where it holds back too much,
 * it is dropped, and a gap with a new snapshot follows. It needs nothing of our own database, since that
 * may be what holds the journal up. **While Reinstate does not run, nobody guards the disk.**
 */
export class WalGuard {
  private readonly log = new Log('Replication');
  private readonly ending = new AbortController();
  private loop: Promise<void> | undefined;
  private reason: string | null = null;
  private isNear = false;

  constructor(
    private readonly shop: Pick<StreamedShop, 'shopId' | 'replicateUrl'>,
    private readonly options: WalGuardOptions,
  ) {}

  /** Guards from now on; asked again, it goes on. */
  watch(slotName: string): void {
    this.loop ??= this.guard(slotName);
  }

  /** Why the slot was dropped, if it was, until that is written down and forgotten here. */
  get dropped(): string | null {
    return this.reason;
  }

  forget(): void {
    this.reason = null;
  }

  async end(): Promise<void> {
    this.ending.abort(new Error('the guard was ended'));
    await this.loop;
  }

  private async guard(slotName: string): Promise<void> {
    const { signal } = this.ending;
    while (!signal.aborted) {
      const isBounded = await this.look(slotName).catch((error: unknown) => this.failed(error));
      await delay(this.options.intervalMs * (isBounded ? boundedLooks : 1), signal);
    }
  }

  /** True where the server looks after itself. */
  private async look(slotName: string): Promise<boolean> {
    const { shopId, replicateUrl } = this.shop;
    const { metrics, retainedBytesMax } = this.options;
    const { signal } = this.ending;
    const source = await readSource(replicateUrl, slotName, { signal });
    metrics.bounded(shopId, walBoundOf(source, retainedBytesMax).bytes);
    const judgement = judgeRetained(source, retainedBytesMax);
    if (judgement === 'near' && !this.isNear) this.warn(slotName);
    this.isNear = judgement === 'near';
    if (judgement === 'over' && (await this.options.mayDrop())) {
      await dropSlot(replicateUrl, slotName, { signal });
      this.reason =
        `the replication slot ${slotName} was dropped by Reinstate, since it held back ` +
        `${bytesInWords(retainedBytesMax)} of write-ahead log or more and the server sets no max_slot_wal_keep_size`;
      this.log.error({ event: 'wal-bound-reached', shop: shopId }, this.reason);
    }
    return judgement === 'bounded';
  }

  private warn(slotName: string): void {
    const { retainedBytesMax } = this.options;
    this.log.warn(
      { event: 'wal-bound-near', shop: this.shop.shopId },
      `the shop’s server holds back write-ahead log for the slot ${slotName}: at ${bytesInWords(retainedBytesMax)} ` +
        'the slot is dropped, and a new snapshot is taken',
    );
  }

  private failed(error: unknown): false {
    if (this.ending.signal.aborted) return false;
    this.log.warn(
      { event: 'wal-not-guarded', shop: this.shop.shopId },
      `the write-ahead log that is held back cannot be looked at: ${shopProblem(error)}`,
    );
    return false;
  }
}
