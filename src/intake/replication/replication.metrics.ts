import { Injectable } from '@nestjs/common';
import { Counter, Gauge, Registry } from 'prom-client';
import { orderEventKinds, type JournalEntry } from '../../orders/order-event.js';

/**
 * How replication fares, per shop, as the process that follows it knows: another one shows zeros. Labels are
 * bounded: shops of the configuration, kinds. What every process knows stands in `stream-rows.metrics.ts`.
 */
@Injectable()
export class ReplicationMetrics {
  private readonly lag: Gauge<'shop'>;
  private readonly retained: Gauge<'shop'>;
  private readonly bound: Gauge<'shop'>;
  private readonly spool: Gauge<'shop'>;
  private readonly spoolBound: Gauge<'shop'>;
  private readonly entries: Counter<'shop' | 'kind'>;
  private readonly gaps: Counter<'shop'>;
  private readonly secondsSince: Gauge<'shop'>;
  private readonly heardAt = new Map<string, number>();

  constructor(registry: Registry) {
    const registers = [registry];
    const { heardAt } = this;
    this.lag = new Gauge({
      name: 'reinstate_replication_lag_bytes',
      help: 'Write-ahead log of the shop that is not journalled yet, in bytes.',
      labelNames: ['shop'],
      registers,
    });
    this.retained = new Gauge({
      name: 'reinstate_replication_retained_wal_bytes',
      help: 'Write-ahead log that the shop keeps for our replication slot, in bytes.',
      labelNames: ['shop'],
      registers,
    });
    this.bound = new Gauge({
      name: 'reinstate_replication_wal_bound_bytes',
      help: 'Most write-ahead log that the shop may keep for our slot, by its server’s setting or by ours; 0 where not known.',
      labelNames: ['shop'],
      registers,
    });
    this.spool = new Gauge({
      name: 'reinstate_replication_spool_bytes',
      help: 'Changes of the shop that wait in our database until they can be interpreted, in bytes.',
      labelNames: ['shop'],
      registers,
    });
    this.spoolBound = new Gauge({
      name: 'reinstate_replication_spool_bound_bytes',
      help: 'Most that may wait so; 0 where not known.',
      labelNames: ['shop'],
      registers,
    });
    this.entries = new Counter({
      name: 'reinstate_journal_entries_total',
      help: 'Journal entries written from replication, by kind; an entry may have several kinds.',
      labelNames: ['shop', 'kind'],
      registers,
    });
    this.gaps = new Counter({
      name: 'reinstate_replication_gaps_total',
      help: 'Times that changes were lost at the source.',
      labelNames: ['shop'],
      registers,
    });
    this.secondsSince = new Gauge({
      name: 'reinstate_replication_seconds_since_message',
      help: 'Seconds since the shop’s server was last heard, keep-alives included.',
      labelNames: ['shop'],
      registers,
      collect() {
        for (const [shop, at] of heardAt) this.set({ shop }, (performance.now() - at) / 1000);
      },
    });
  }

  /** Shows a shop with zeros before anything happened. */
  open(shop: string): void {
    this.zero(shop);
    this.heard(shop);
  }

  /** Every series is there from the start: a counter that appears with its first event hides that event. */
  private zero(shop: string): void {
    this.measured(shop, { lagBytes: 0, retainedBytes: 0 });
    this.bounded(shop, 0);
    this.spooled(shop, { spooledBytes: 0, boundBytes: 0 });
    this.gaps.inc({ shop }, 0);
    for (const kind of orderEventKinds) this.entries.inc({ shop, kind }, 0);
  }

  /** Shows a shop that is not followed: nothing lags, and nobody waits for its messages. */
  close(shop: string): void {
    this.heardAt.delete(shop);
    this.secondsSince.remove({ shop });
    this.zero(shop);
  }

  /** Another process follows the shop: it tells how long ago it was heard, and how far behind it is. */
  standby(shop: string): void {
    this.close(shop);
  }

  heard(shop: string): void {
    this.heardAt.set(shop, performance.now());
  }

  wrote(shop: string, entries: readonly Pick<JournalEntry, 'kinds'>[]): void {
    for (const kind of entries.flatMap((entry) => entry.kinds)) this.entries.inc({ shop, kind });
  }

  lost(shop: string): void {
    this.gaps.inc({ shop });
  }

  spooled(shop: string, given: { spooledBytes: number; boundBytes: number }): void {
    this.spool.set({ shop }, given.spooledBytes);
    this.spoolBound.set({ shop }, given.boundBytes);
  }

  bounded(shop: string, bytes: number): void {
    this.bound.set({ shop }, bytes);
  }

  measured(shop: string, given: { lagBytes: number; retainedBytes: number }): void {
    this.lag.set({ shop }, given.lagBytes);
    this.retained.set({ shop }, given.retainedBytes);
  }
}
