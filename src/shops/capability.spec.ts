import type { RowImage } from '../orders/row-change.js';
import { judgeCapability } from './capability.js';
import { isSameServer, serverIncarnation } from './incarnation.js';
import { loadProfile } from './profile-file.js';
import type { Profile } from './profile.js';

let profile: Profile;
beforeAll(async () => {
  ({ profile } = await loadProfile('sample-shop', { directory: '.' }));
});

const order = { id: '12', status: 'cancelled', currency: 'EUR', total_minor: '0' };
const payment = { id: '3', order_id: '12', amount_minor: '500', state: 'captured' };
const of = (status: string, further: Record<string, RowImage[]> = {}) =>
  judgeCapability(
    profile,
    new Map<string, RowImage[]>([
      ['shop.orders', [{ ...order, status }]],
      ...Object.entries(further),
    ]),
  );

test('a cancelled order with its money held can be reopened', () => {
  expect(of('cancelled', { 'shop.payment': [payment] })).toEqual({ way: 'reopen' });
  expect(of('cancelled')).toEqual({ way: 'reopen' });
});

test.each<[string, Record<string, RowImage[]>, string, RegExp]>([
  ['paid', {}, 'not-cancelled-any-more', /its status is paid/],
  ['cart', {}, 'not-cancelled-any-more', /its status is cart/],
  ['shipped', {}, 'shipped', /its status is shipped/],
  [
    'cancelled',
    { 'shop.stock_movement': [{ id: '1', kind: 'SHIP' }] },
    'shipped',
    /goods had left/,
  ],
  [
    'cancelled',
    {
      'shop.payment': [payment],
      'shop.refund': [{ id: '1', payment_id: '3', amount_minor: '120' }],
    },
    'money-returned',
    /EUR 1\.20 were given back/,
  ],
  [
    'cancelled',
    { 'shop.payment': [{ ...payment, state: 'voided' }] },
    'money-returned',
    /a payment is voided/,
  ],
])('status %s with %j is left to a person', (status, rows, reason, detail) => {
  const capability = of(status, rows);
  expect(capability).toMatchObject({ way: 'person', reason });
  expect((capability as { detail: string }).detail).toMatch(detail);
});

test('an order flagged as fraud was cancelled on purpose', () => {
  const withFraud = {
    ...profile,
    fraud: { table: 'shop.orders', where: { cancel_reason: ['fraud'] } },
  };
  const rows = new Map([['shop.orders', [{ ...order, cancel_reason: 'fraud' }]]]);
  expect(judgeCapability(withFraud, rows)).toMatchObject({ way: 'person', reason: 'intended' });
});

test('an order that the shop does not have has no evidence', () => {
  expect(judgeCapability(profile, undefined)).toMatchObject({ reason: 'evidence-missing' });
});

test('incarnations are of one server and timeline, whatever the slot', () => {
  const incarnation = serverIncarnation({ systemIdentifier: '73', timeline: '2' });
  expect(isSameServer({ one: incarnation, other: '73/2/5' })).toBe(true);
  expect(isSameServer({ one: incarnation, other: '73/3' })).toBe(false);
  expect(isSameServer({ one: incarnation, other: '7/2' })).toBe(false);
});
