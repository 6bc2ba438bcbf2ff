import { describe, expect, it } from '@jest/globals';
import type { JournalEntry } from '../orders/order-event.js';
import type { FindingUpdate } from './detector.js';
import { CancellationScan } from './detectors/cancellation-scan.js';
import { WatchedShop } from './watched-shop.js';

const start = Date.UTC(2026, 5, 29, 10);
const minuteMs = 60_000;
const hourMs = 60 * minuteMs;

function entry(position: number, given: { at: number; recordedAt?: number }): JournalEntry {
  return {
    shopId: 'shop',
    position,
    recordedAt: new Date(given.recordedAt ?? given.at),
    source: { incarnation: '1/1/1', commitLsn: `0/${position}`, transactionId: position },
    orderId: `o${position}`,
    orderNumber: null,
    kinds: ['cancelled'],
    statusBefore: 'paid',
    statusAfter: 'cancelled',
    actorKind: 'unknown',
    actor: null,
    reason: null,
    customerId: `c${position}`,
    total: { amountMinor: 100, currency: 'EUR' },
    attributes: {},
    rowChanges: [],
    snapshot: null,
    marker: null,
    traceparent: null,
    committedAt: new Date(given.at).toISOString(),
  };
}

function watched(): WatchedShop {
  return new WatchedShop(new CancellationScan({ weeksPerFalsePage: 20 }), 0, 0);
}

/** An order every so often, ten of them, read as they are written down. */
function readTen(
  shop: WatchedShop,
  given: { from: number; everyMs: number; clockOffMs: number },
): FindingUpdate[] {
  return Array.from({ length: 10 }, (_, index) => given.from + index * given.everyMs).flatMap(
    (recordedAt) =>
      shop.read(entry(shop.position + 1, { at: recordedAt + given.clockOffMs, recordedAt })),
  );
}

describe("a shop's clock", () => {
  it('that is set back does not pile what follows up on one moment', () => {
    const shop = watched();
    shop.read(entry(1, { at: start }));
    const slow = { from: start + minuteMs, everyMs: 30 * minuteMs, clockOffMs: -6 * hourMs };
    expect(readTen(shop, slow)).toEqual([]);
    const quick = { from: start + 12 * hourMs, everyMs: 1_000, clockOffMs: -6 * hourMs };
    expect(readTen(shop, quick).at(-1)).toMatchObject({ state: 'live', measure: { orders: 10 } });
  });

  it('that jumps years ahead once does not stop time', () => {
    const shop = watched();
    shop.read(entry(1, { at: start }));
    shop.read(entry(2, { at: start + 10 * 365 * 24 * hourMs, recordedAt: start + minuteMs }));
    const slow = { from: start + 2 * hourMs, everyMs: 30 * minuteMs, clockOffMs: 0 };
    expect(readTen(shop, slow)).toEqual([]);
    const quick = { from: start + 12 * hourMs, everyMs: 1_000, clockOffMs: 0 };
    const last = readTen(shop, quick).at(-1);
    expect(last).toMatchObject({ state: 'live', measure: { orders: 10 } });
    expect(last?.measure.since.getTime()).toBeLessThanOrEqual(start + 13 * hourMs);
  });
});

describe('time without entries', () => {
  it('closes a finding only as far as the stream was heard of, whatever the clock of the shop', () => {
    const shop = watched();
    const quick = { from: start, everyMs: 1_000, clockOffMs: 40 * minuteMs };
    expect(readTen(shop, quick).at(-1)?.state).toBe('live');
    const stillLive = shop.tick(new Date(start + 5 * minuteMs));
    expect(stillLive.every(({ state }) => state === 'live')).toBe(true);
    expect(shop.tick(new Date(start + hourMs)).at(-1)?.state).toBe('closed');
  });
});
