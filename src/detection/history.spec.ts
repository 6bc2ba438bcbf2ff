import { readFile } from 'node:fs/promises';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { parseProfile } from '../shops/profile-file.js';
import type { Profile } from '../shops/profile.js';
import {
  attributeFilters,
  attributesOfPast,
  columnsOfPast,
  pastEvents,
  type PastOrder,
} from './history.js';

const until = new Date('2026-06-29T00:00:00Z');

let profile: Profile;
beforeAll(async () => {
  const path = 'profiles/sample-shop.yaml';
  profile = parseProfile(await readFile(path, 'utf8'), path);
});

function past(orderId: string, given: { row?: object; told?: object[] } = {}): PastOrder {
  const row = {
    customer_id: '9',
    status: 'delivered',
    currency: 'EUR',
    total_minor: '1250',
    placed_at: '2026-06-01 10:00:00+00',
    cancelled_at: null,
    channel: 'web',
    ...given.row,
  };
  return {
    orderId,
    row,
    attributes: attributesOfPast(profile, row, new Map()),
    historyRows: (given.told ?? []) as PastOrder['historyRows'],
  };
}

const cancelledRow = { status: 'cancelled', cancelled_at: '2026-06-02 11:30:00.5+02' };
const byStaff = {
  type: 'CANCELLED',
  actor_kind: 'staff',
  actor: 'm.peters',
  reason: 'damaged',
  created_at: '2026-06-02 09:30:01+00',
};

describe("the shop's past", () => {
  it('tells when orders were placed and cancelled, by whom, oldest first', () => {
    const events = pastEvents(
      profile,
      [
        past('2', { row: { placed_at: '2026-06-03 10:00:00+00' } }),
        past('1', { row: cancelledRow, told: [byStaff] }),
      ],
      until,
    );
    expect(events.map(({ kind, orderId, at }) => [kind, orderId, at.toISOString()])).toEqual([
      ['placed', '1', '2026-06-01T10:00:00.000Z'],
      ['cancelled', '1', '2026-06-02T09:30:00.500Z'],
      ['placed', '2', '2026-06-03T10:00:00.000Z'],
    ]);
    expect(events[0]?.attributes).toEqual({ channel: 'web' });
    expect(events[1]).toMatchObject({
      account: 'customer:9',
      amountMinor: 1_250,
      attributes: { channel: 'web', actor_kind: 'staff', actor: 'm.peters', reason: 'damaged' },
    });
  });

  it('knows the attributes that stand on other rows of the order, so that today’s are nothing new', () => {
    const withCarrier = structuredClone(profile);
    withCarrier.order.attributes = {
      channel: 'channel',
      carrier: { table: 'shop.shipping_line', column: 'method' },
    };
    const beside = new Map([['shop.shipping_line', [{ id: '1', method: 'express' }]]]);
    const order = past('1', { row: cancelledRow });
    const attributes = attributesOfPast(withCarrier, order.row, beside);
    const events = pastEvents(withCarrier, [{ ...order, attributes }], until);
    expect(events.map(({ attributes }) => attributes)).toEqual([
      { channel: 'web', carrier: 'express' },
      { channel: 'web', carrier: 'express' },
    ]);
    expect(columnsOfPast(withCarrier)).not.toContain('method');
  });

  it('reads only rows that tell an attribute, unless any of them may', () => {
    const given = structuredClone(profile);
    const [table, taken] = ['shop.order_line', { kind: ['ALLOCATE'] }];
    const source = { table, column: 'product' };
    given.order.attributes = { taken: { ...source, where: taken }, channel: 'channel' };
    expect(attributeFilters(given, table)).toEqual([taken]);
    given.order.attributes = { taken: { ...source, where: taken }, products: source };
    expect(attributeFilters(given, table)).toBeNull();
    given.payments = { ...given.payments!, table };
    given.order.attributes = { taken: { ...source, where: taken } };
    expect(attributeFilters(given, table)).toBeNull();
  });

  it("takes the cancellation's time from the history where the order does not say it", () => {
    const order = past('1', { row: { ...cancelledRow, cancelled_at: null }, told: [byStaff] });
    expect(pastEvents(profile, [order], until)[1]?.at).toEqual(new Date('2026-06-02T09:30:01Z'));
  });

  it('learns nothing about who cancels where most of the history is gone', () => {
    const orders = [
      past('1', { row: cancelledRow, told: [byStaff] }),
      past('2', { row: cancelledRow }),
      past('3', { row: cancelledRow }),
    ];
    const cancelled = pastEvents(profile, orders, until).filter(({ kind }) => kind === 'cancelled');
    expect(cancelled).toHaveLength(3);
    for (const { attributes } of cancelled) expect(attributes).toEqual({ channel: 'web' });
  });

  it('leaves out carts, and what is no longer the past', () => {
    const orders = [
      past('1', { row: { status: 'cart' } }),
      past('2', { row: { placed_at: '2026-06-29 00:00:00+00' } }),
    ];
    expect(pastEvents(profile, orders, until)).toEqual([]);
  });

  it('needs only columns that the profile names', () => {
    const known = Object.keys(profile.tables[profile.order.table]?.columns ?? {});
    expect(known).toEqual(expect.arrayContaining(columnsOfPast(profile)));
  });
});
