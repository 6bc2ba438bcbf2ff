import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import type { RowChange } from '../../orders/row-change.js';
import { parseProfile } from '../../shops/profile-file.js';
import { expectedTables } from './expectations.js';
import { rowsAfter, type KnownRow } from './known-orders.js';

const file = 'profiles/sample-shop.yaml';
const profile = parseProfile(readFileSync(file, 'utf8'), file);
const sealed = { sealed: 'x', hash: 'y', keyOf: 'customer:1' };

const order: KnownRow = {
  table: 'shop.orders',
  key: ['7'],
  image: {
    id: '7',
    status: 'cancelled',
    coupon_code: null,
    ship_name: sealed,
    ship_city: { sealed: '', hash: 'erased', keyOf: 'customer:1' },
    updated_at: '2026-01-01',
    version: '3',
  },
};

const line = (id: string, quantity: string): KnownRow => ({
  table: 'shop.order_line',
  key: [id],
  image: { id, order_id: '7', quantity },
});

describe('what a plan expects', () => {
  it('is each own table of the profile, with what the journal knows of its value columns', () => {
    const stock = { table: 'shop.stock', key: ['1', 'LEJ'], image: { allocated: '1' } };
    const expected = expectedTables(profile, [line('9', '2'), stock, order, line('8', '1')]);
    expect(expected.ok && expected.value).toEqual([
      {
        table: 'shop.orders',
        rows: [
          { key: ['7'], values: { status: 'cancelled', coupon_code: null, ship_name: sealed } },
        ],
      },
      {
        table: 'shop.order_line',
        rows: [
          { key: ['8'], values: { order_id: '7', quantity: '1' } },
          { key: ['9'], values: { order_id: '7', quantity: '2' } },
        ],
      },
      // that there is none is known as well
      { table: 'shop.shipping_line', rows: [] },
      { table: 'shop.payment', rows: [] },
      { table: 'shop.refund', rows: [] },
      { table: 'shop.stock_movement', rows: [] },
      { table: 'shop.order_history', rows: [] },
    ]);
  });

  it('is not known of an order that the journal does not hold', () => {
    expect(expectedTables(profile, [line('9', '2')])).toMatchObject({
      ok: false,
      refusal: { reason: 'evidence-missing' },
    });
  });
});

describe('the rows of an order', () => {
  const change = (given: Partial<RowChange> & { key: string[] }): RowChange => ({
    table: 'shop.order_line',
    operation: 'update',
    before: null,
    after: null,
    ...given,
  });
  const entry = (...rowChanges: RowChange[]) => ({ rowChanges });

  it('are as the entries leave them that came after the images were read', () => {
    const rows = rowsAfter(
      [order, line('8', '1'), line('9', '2')],
      [
        entry(
          change({ key: ['8'], operation: 'delete' }),
          change({ key: ['9'], after: line('9', '3').image }),
        ),
        entry(
          change({ key: ['9'], after: line('9', '4').image }),
          change({ key: ['10'], operation: 'insert', after: line('10', '5').image }),
        ),
      ],
    );
    expect(rows).toEqual([order, line('9', '4'), line('10', '5')]);
  });
});
