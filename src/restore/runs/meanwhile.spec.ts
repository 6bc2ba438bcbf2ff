import { readFileSync } from 'node:fs';
import type { RowChange, RowImage } from '../../orders/row-change.js';
import { parseProfile } from '../../shops/profile-file.js';
import { meanwhileDifferences } from './meanwhile.js';

const file = 'profiles/sample-shop.yaml';
const profile = parseProfile(readFileSync(file, 'utf8'), file);

const entry = (position: number, ...rowChanges: RowChange[]) => ({ position, rowChanges });

const order: RowImage = { id: '7', status: 'cancelled', updated_at: 't1', version: '1' };
const refund: RowChange = {
  table: 'shop.refund',
  key: ['3'],
  operation: 'insert',
  before: null,
  after: { id: '3', payment_id: '4', amount_minor: '100' },
};

function orderBecame(after: RowImage): RowChange {
  const row = { table: 'shop.orders', key: ['7'], before: order };
  return { ...row, operation: 'update', after: { ...order, ...after } };
}

const found = (...entries: ReturnType<typeof entry>[]) =>
  meanwhileDifferences({ profile, entries, plannedAt: 4, echoedAt: 9 });

describe('what others did to an order between its plan and its restore', () => {
  it('is named row by row, with its place in the journal', () => {
    const changed = orderBecame({ ship_city: 'Halle' });
    expect(found(entry(6, refund), entry(8, changed))).toEqual([
      'row 3 of shop.refund was added by somebody else before the commit (journal 6)',
      'row 7 of shop.orders was changed by somebody else before the commit (journal 8)',
    ]);
  });

  it('is neither what the plan knew, nor the restore itself, nor what came after it', () => {
    expect(found(entry(4, refund), entry(9, refund), entry(10, refund))).toEqual([]);
  });

  it('is no note in the history, while a row there that tells of a cancellation is', () => {
    const note = (type: string): RowChange => ({
      ...{ table: 'shop.order_history', key: ['5'], operation: 'insert', before: null },
      after: { id: '5', order_id: '7', type },
    });
    expect(found(entry(6, note('NOTE')))).toEqual([]);
    expect(found(entry(6, note('CANCELLED')))).toHaveLength(1);
  });

  it('is no row that many orders share', () => {
    const stock = { table: 'shop.stock', key: ['1'], operation: 'update' } as const;
    expect(
      found(entry(6, { ...stock, before: { allocated: '1' }, after: { allocated: '2' } })),
    ).toEqual([]);
  });

  it('is not what touches no value', () => {
    expect(found(entry(6, orderBecame({ updated_at: 't2', version: '2' })))).toEqual([]);
  });
});
