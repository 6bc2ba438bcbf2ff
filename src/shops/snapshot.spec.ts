import type { RowImage } from '../orders/row-change.js';
import { minorUnits } from './amount.js';
import { loadProfile } from './profile-file.js';
import { orderSnapshotSchema } from '../orders/order-snapshot.js';
import type { Profile } from './profile.js';
import { fitsFilter } from './row-filter.js';
import { buildSnapshot, orderState } from './snapshot.js';
import { rfc3339 } from './timestamp.js';

const sealed = { sealed: 'AAAA', hash: 'h', keyOf: 'customer:7' };

let profile: Profile;
beforeAll(async () => {
  ({ profile } = await loadProfile('sample-shop', { directory: '.' }));
});

const orderRow: RowImage = {
  id: '12',
  number: 'S-100012',
  customer_id: '7',
  status: 'paid',
  currency: 'eur',
  total_minor: '9007199254740',
  ship_name: sealed,
  contact_email: 'in.the@clear.example',
  payment_method: 'card',
  warehouse: 'LEJ',
  region: null,
  placed_at: '2026-11-22 20:46:00.1234+00',
  cancelled_at: null,
};

function rows(order: RowImage, further: Record<string, RowImage[]> = {}) {
  return new Map([['shop.orders', [order]], ...Object.entries(further)]);
}

describe('buildSnapshot', () => {
  test('gives the order in canonical form', () => {
    const snapshot = buildSnapshot(
      profile,
      rows(orderRow, {
        'shop.order_line': [
          {
            id: '10',
            sku: 'B',
            name: 'Bowl',
            quantity: '1',
            unit_price_minor: '5',
            total_minor: '5',
          },
          {
            id: '9',
            sku: 'A',
            name: null,
            quantity: '2',
            unit_price_minor: '7',
            total_minor: '14',
          },
        ],
        'shop.shipping_line': [{ id: '4', order_id: '12', method: 'express', price_minor: '790' }],
        'shop.payment': [{ id: '3', order_id: '12', amount_minor: '500', state: 'captured' }],
        'shop.refund': [{ id: '1', payment_id: '3', amount_minor: '120' }],
      }),
    );
    expect(orderSnapshotSchema.parse(snapshot)).toEqual({
      orderId: '12',
      number: 'S-100012',
      status: 'paid',
      state: 'open',
      customerId: '7',
      currency: 'EUR',
      totalMinor: 9007199254740,
      placedAt: '2026-11-22T20:46:00.123400Z',
      cancelledAt: null,
      lines: [
        { lineId: '9', product: 'A', name: null, quantity: 2, unitPriceMinor: 7, totalMinor: 14 },
        { lineId: '10', product: 'B', name: 'Bowl', quantity: 1, unitPriceMinor: 5, totalMinor: 5 },
      ],
      shipping: [{ lineId: '4', method: 'express', priceMinor: 790 }],
      payments: [{ paymentId: '3', state: 'captured', heldMinor: 500, refundedMinor: 120 }],
      attributes: { payment_method: 'card', warehouse: 'LEJ' },
    });
  });

  test('holds nothing personal, sealed or in the clear', () => {
    const withPersonalNumber = structuredClone(profile);
    withPersonalNumber.tables['shop.orders']!.columns['number'] = { value: 'personal' };
    const snapshot = buildSnapshot(withPersonalNumber, rows(orderRow));
    expect(JSON.stringify(snapshot)).not.toMatch(/AAAA|clear\.example|S-100012/);
  });

  test('tells no shipping where the profile names no table of shipping lines', () => {
    const without = { ...profile, shipping_lines: undefined };
    expect(buildSnapshot(without, rows(orderRow))).not.toHaveProperty('shipping');
  });

  test('a payment given back in full leaves no money held', () => {
    const snapshot = buildSnapshot(
      profile,
      rows(orderRow, {
        'shop.payment': [{ id: '3', order_id: '12', amount_minor: '500', state: 'refunded' }],
        'shop.refund': [{ id: '1', payment_id: '3', amount_minor: '500' }],
      }),
    );
    expect(snapshot.payments).toEqual([
      { paymentId: '3', state: 'refunded', heldMinor: 500, refundedMinor: 500 },
    ]);
  });

  test.each([
    ['cart', 'draft'],
    ['pending_payment', 'open'],
    ['cancelled', 'cancelled'],
    ['delivered', 'shipped'],
    ['on hold', 'other'],
  ] as const)('status %s means %s', (status, state) => {
    expect(orderState(profile, { ...orderRow, status })).toBe(state);
  });
});

describe('amounts', () => {
  test.each([
    ['12.34', 'major', 'EUR', 1234],
    ['12.3400', 'major', 'EUR', 1234],
    ['12', 'major', 'JPY', 12],
    ['0.345', 'major', 'KWD', 345],
    ['1.005', 'major', 'EUR', 101],
    ['-1.005', 'major', 'EUR', -101],
    ['-0.001', 'major', 'EUR', 0],
    ['1234', 'minor', 'EUR', 1234],
    ['90071992547409.91', 'major', 'EUR', 9007199254740991],
  ] as const)('%s %s of %s is %d', (text, unit, currency, minor) => {
    expect(minorUnits(text, { unit, currency })).toBe(minor);
  });

  test.each(['NaN', 'Infinity', '1e5', '', '90071992547409.92'])('%s is no amount', (text) => {
    expect(() => minorUnits(text, { unit: 'major', currency: 'EUR' })).toThrow(/no amount/);
  });
});

test.each([
  ['2026-11-22 20:46:00+00', '2026-11-22T20:46:00.000000Z'],
  ['2026-11-22 20:46:00.000001', '2026-11-22T20:46:00.000001Z'],
  ['2026-11-22 01:16:00.5+05:30', '2026-11-21T19:46:00.500000Z'],
  ['2026-11-22 01:16:00-03', '2026-11-22T04:16:00.000000Z'],
  ['2026-11-22', '2026-11-22T00:00:00.000000Z'],
  ['infinity', null],
  ['0044-03-15 00:00:00+00 BC', null],
])('the moment %s is %s', (text, moment) => {
  expect(rfc3339(text)).toBe(moment);
});

test('a filter names texts and NULL, and a sealed value fits nothing', () => {
  expect(fitsFilter({ kind: 'RELEASE' }, { kind: ['RELEASE', null] })).toBe(true);
  expect(fitsFilter({}, { kind: ['RELEASE', null] })).toBe(true);
  expect(fitsFilter({ kind: null }, { kind: ['RELEASE'] })).toBe(false);
  expect(fitsFilter({ kind: sealed }, { kind: [null, 'AAAA'] })).toBe(false);
  expect(fitsFilter({ kind: 'any' }, undefined)).toBe(true);
});
