import { Injectable } from '@nestjs/common';
import { Counter, Registry } from 'prom-client';
import type { OrderEvent, SourcePosition } from '../orders/order-event.js';
import { Clock } from '../platform/clock.js';
import type { Transaction } from '../platform/database/database.js';
import { Log } from '../platform/telemetry/log.js';
import { fitsMarker, MarkerKey, verifiedMarker } from './restore-marker.js';
import { RestoreMarkerStore } from './restore-marker.store.js';
import { ShopRegistry } from './shop-registry.js';

/** Why a message is no marker of ours: closed list, also the metric's label. */
export const markerFaults = ['unsigned', 'misplaced', 'replayed'] as const;
export type MarkerFault = (typeof markerFaults)[number];

/** A fault that keeps coming is counted each time, and logged so often. */
const quietMs = 60_000;

/** One transaction of a shop, as far as its markers go. */
export interface MarkedTransaction {
  readonly shopId: string;
  readonly source: SourcePosition;
  /** contents of its messages under our prefix */
  readonly contents: readonly string[];
}

/**
 * Tells our own restores and undos in a shop's stream from what others write. A marker counts for the one
 * order that it names, if we signed it for this shop, the order's status went the way that it says, and no
 * earlier transaction carried it: an item is committed once, so that a second one is somebody's copy.
 * Whatever does not count leaves the change an ordinary one, and is counted and logged.
 */
@Injectable()
export class RestoreMarkers {
  private readonly log = new Log('RestoreMarkers');
  private readonly refused: Counter<'shop' | 'reason'>;
  private readonly loggedAt = new Map<string, number>();

  constructor(
    private readonly key: MarkerKey,
    private readonly store: RestoreMarkerStore,
    private readonly clock: Clock,
    shops: ShopRegistry,
    registry: Registry,
  ) {
    this.refused = new Counter({
      name: 'reinstate_restore_markers_refused_total',
      help: 'Messages in a shop’s stream that pretend to be the mark of a restore of ours, by what is wrong.',
      labelNames: ['shop', 'reason'],
      registers: [registry],
    });
    for (const { id: shop } of shops.list())
      for (const reason of markerFaults) this.refused.inc({ shop, reason }, 0);
  }

  /**
   * The events of one transaction, each with its marker where one counts for it. Remembers in the given
   * transaction which markers came: reading the same source transaction again finds its own.
   */
  async mark(
    transaction: Transaction,
    marked: MarkedTransaction,
    events: readonly OrderEvent[],
  ): Promise<readonly OrderEvent[]> {
    let result = events;
    for (const content of marked.contents) {
      const found = await this.judge(transaction, { ...marked, content }, result);
      if (typeof found === 'string') this.refuse(marked, found);
      else result = result.map((event) => (event === found.event ? found.marked : event));
    }
    return result;
  }

  private async judge(
    transaction: Transaction,
    { shopId, source, content }: MarkedTransaction & { content: string },
    events: readonly OrderEvent[],
  ): Promise<MarkerFault | { event: OrderEvent; marked: OrderEvent }> {
    const marker = verifiedMarker(content, { shopId, key: this.key });
    if (marker === undefined) return 'unsigned';
    const event = events.find(({ orderId }) => orderId === marker.orderId);
    if (event === undefined || !fitsMarker(marker, event.kinds)) return 'misplaced';
    const now = this.clock.now();
    if (!(await this.store.claim(transaction, { marker, source, now }))) return 'replayed';
    const { action, itemId } = marker;
    return { event, marked: { ...event, marker: { action, itemId } } };
  }

  private refuse({ shopId, source }: MarkedTransaction, reason: MarkerFault): void {
    this.refused.inc({ shop: shopId, reason });
    const name = `${shopId} ${reason}`;
    const now = this.clock.now().getTime();
    if (now - (this.loggedAt.get(name) ?? -Infinity) < quietMs) return;
    this.loggedAt.set(name, now);
    this.log.warn(
      { event: 'restore-marker-refused', shop: shopId, reason },
      `transaction ${source.transactionId} of the shop carries a mark of ours that does not count (${reason}): its changes are taken as anybody’s`,
    );
  }
}
