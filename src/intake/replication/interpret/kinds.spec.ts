import type { RowChange, RowImage } from '../../../orders/row-change.js';
import { loadProfile } from '../../../shops/profile-file.js';
import type { Profile } from '../../../shops/profile.js';
import { actorOf } from './actor.js';
import { kindsOf } from './kinds.js';

describe('what a transaction did to an order', () => {
  let profile: Profile;

  beforeAll(async () => {
    ({ profile } = await loadProfile('sample-shop', { directory: process.cwd() }));
  });

  const row = (table: string, before: RowImage | null, after: RowImage | null): RowChange => ({
    table: `shop.${table}`,
    key: ['1'],
    operation: before === null ? 'insert' : after === null ? 'delete' : 'update',
    before,
    after,
  });
  const status = (value: string | null): RowImage | null =>
    value === null ? null : { status: value };

  it.each([
    [null, 'paid', ['placed']],
    ['cart', 'pending_payment', ['placed']],
    ['cart', 'cart', ['changed']],
    [null, 'cancelled', ['placed']],
    ['cart', 'cancelled', ['placed', 'cancelled']],
    ['paid', 'cancelled', ['cancelled']],
    ['cancelled', 'cancelled', ['changed']],
    ['cancelled', 'paid', ['restored']],
    ['cancelled', 'shipped', ['restored', 'shipped']],
    ['picking', 'shipped', ['shipped']],
    ['shipped', 'delivered', ['changed']],
    ['paid', null, ['deleted']],
  ])('status %s to %s: %j', (from, to, kinds) => {
    const [before, after] = [status(from), status(to)];
    const rowChanges = [row('orders', before, after)];
    expect(kindsOf(profile, { before, after, isNew: before === null, rowChanges })).toEqual(kinds);
  });

  const paid = { status: 'paid' };
  it.each([
    ['captured', row('payment', null, { state: 'captured' }), ['paid']],
    ['failed', row('payment', null, { state: 'failed' }), ['changed']],
    [
      'authorised, then captured',
      row('payment', { state: 'authorized' }, { state: 'captured' }),
      ['changed'],
    ],
    ['voided', row('payment', { state: 'authorized' }, { state: 'voided' }), ['refunded']],
    ['a refund', row('refund', null, { amount_minor: '5' }), ['refunded']],
    [
      'a refund corrected',
      row('refund', { amount_minor: '5' }, { amount_minor: '6' }),
      ['changed'],
    ],
    [
      'a line reduced',
      row('order_line', { quantity: '10' }, { quantity: '9' }),
      ['line-cancelled'],
    ],
    ['a line raised', row('order_line', { quantity: '9' }, { quantity: '10' }), ['changed']],
    ['a line gone', row('order_line', { quantity: '1' }, null), ['line-cancelled']],
  ])('%s', (_name, change, kinds) => {
    expect(
      kindsOf(profile, { before: paid, after: paid, isNew: false, rowChanges: [change] }),
    ).toEqual(kinds);
  });

  it('lines that go with the whole order are no cancelled lines', () => {
    const rowChanges = [row('order_line', { quantity: '1' }, { quantity: '0' })];
    const change = {
      before: { status: 'paid' },
      after: { status: 'cancelled' },
      isNew: false,
      rowChanges,
    };
    expect(kindsOf(profile, change)).toEqual(['cancelled']);
  });

  it('takes actor and reason from the history written with it, the row that says most', () => {
    const history = (values: RowImage) => {
      const change = row('order_history', null, values);
      return { change, row: { after: change.after } };
    };
    const bare = history({ type: 'CANCELLED', actor_kind: null, actor: null, reason: null });
    const full = history({ type: 'CANCELLED', actor_kind: 'job', actor: 'cron', reason: 'unpaid' });
    const note = history({ type: 'NOTE', actor_kind: 'staff', actor: 'Eve', reason: 'hello' });
    expect(actorOf(profile, [note, bare, full])).toEqual({
      actorKind: 'job',
      actor: 'cron',
      reason: 'unpaid',
    });
    const nobody = { actorKind: 'unknown', actor: null, reason: null };
    expect(actorOf(profile, [note])).toEqual(nobody);
    const { change } = full;
    const old = { ...change, operation: 'update' as const, before: change.after };
    expect(actorOf(profile, [{ ...full, change: old }])).toEqual(nobody);
  });
});
