import { readFileSync } from 'node:fs';
import { parseProfile } from '../../shops/profile-file.js';
import type { PlannedChange } from '../../shops/shop-adapter.js';
import { describeItem } from './describe.js';
import type { PlanItem } from './plan.js';

const file = 'profiles/sample-shop.yaml';
const profile = parseProfile(readFileSync(file, 'utf8'), file);

const item: PlanItem = {
  id: 'i',
  caseId: 'c',
  orderId: '7',
  orderNumber: 'S-7',
  sequence: 0,
  disposition: 'reopen',
  reason: null,
  detail: null,
  expectedStatus: 'cancelled',
  changes: [],
  expect: [],
  before: {
    orderId: '7',
    number: 'S-7',
    status: 'paid',
    state: 'open',
    customerId: '1',
    currency: 'EUR',
    totalMinor: 4500,
    placedAt: null,
    cancelledAt: null,
    lines: [
      { lineId: '70', product: 'M', name: 'Mug', quantity: 2, unitPriceMinor: 1, totalMinor: 2 },
    ],
    shipping: [{ lineId: '8', method: 'express', priceMinor: 790 }],
    payments: [],
    attributes: {},
  },
  source: { positions: [1], spanPosition: 1, lastPosition: 1 },
  risks: [{ code: 'unsure', words: 'nobody can tell' }],
};

const said = (...changes: PlannedChange[]) => describeItem(profile, { ...item, changes }).changes;

describe('a plan item in words', () => {
  it('names the order with its amount, and its risks', () => {
    expect(describeItem(profile, item)).toMatchObject({
      order: 'order S-7',
      headline: 'order S-7 (EUR 45.00) is set back to what it was',
      risks: ['nobody can tell'],
    });
  });

  it('says why an order is left to a person', () => {
    const left = {
      ...item,
      disposition: 'person',
      reason: 'shipped',
      detail: 'it has left',
    } as const;
    expect(describeItem(profile, left).headline).toBe(
      'order S-7 is left to a person (shipped): it has left',
    );
  });

  it('calls shipping by its name, and a line of it by its method', () => {
    const table = 'shop.shipping_line';
    const [expected, to] = [{ adjustments: '[-790]' }, { adjustments: '[]' }];
    expect(
      said(
        { do: 'set', table, key: ['8'], expected, to },
        { do: 'set', table, key: ['9'], expected, to },
        { do: 'insert', table, row: { method: 'express' }, compensates: null },
        { do: 'delete', table, key: ['8'], expected: {} },
      ),
    ).toEqual([
      'shipping "express", adjustments: [-790] -> []',
      'shipping "9", adjustments: [-790] -> []',
      'shipping: a row is added (method express)',
      'shipping: row 8 is taken away',
    ]);
  });

  it('tells the order’s own row first, wherever it is written', () => {
    const [expected, to] = [{ status: 'cancelled' }, { status: 'paid' }];
    const line = { table: 'shop.order_line', key: ['70'], expected: { quantity: '0' } };
    expect(
      said(
        { do: 'set', ...line, to: { quantity: '2' } },
        { do: 'set', table: 'shop.orders', key: ['7'], expected, to },
      ),
    ).toEqual(['status: cancelled -> paid', 'line "Mug", quantity: 0 -> 2']);
  });

  it('tells status, lines by their names, other columns, counters and rows', () => {
    const key = ['7'];
    const sealed = { sealed: 'secret', hash: 'h', keyOf: 'customer:1' };
    const to = { status: 'paid', ship_name: sealed };
    const expected = { status: 'cancelled', ship_name: null };
    expect(
      said(
        { do: 'set', table: 'shop.orders', key, expected, to },
        {
          do: 'set',
          table: 'shop.order_line',
          key: ['70'],
          expected: { quantity: '0' },
          to: { quantity: '2' },
        },
        {
          do: 'set',
          table: 'shop.payment',
          key: ['3'],
          expected: { note: '' },
          to: { note: null },
        },
        {
          do: 'move',
          table: 'shop.stock',
          key: ['5', 'LEJ'],
          column: 'allocated',
          amount: '-2',
          minimum: 0,
          maximum: null,
        },
        {
          do: 'insert',
          table: 'shop.stock_movement',
          row: { kind: 'ALLOCATE', at: { at: 'restore' } },
          compensates: ['9'],
        },
        { do: 'delete', table: 'shop.order_history', key: ['4'], expected: {} },
      ),
    ).toEqual([
      'status: cancelled -> paid',
      'shop.orders.ship_name: nothing -> (personal)',
      'line "Mug", quantity: 0 -> 2',
      'shop.payment.note of row 3: "" -> nothing',
      'shop.stock.allocated of 5/LEJ: -2 (not below 0)',
      'shop.stock_movement: a row that answers row 9 is added (kind ALLOCATE, at now)',
      'shop.order_history: row 4 is taken away',
    ]);
  });
});
