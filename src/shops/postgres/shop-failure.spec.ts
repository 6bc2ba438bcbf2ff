import { canRetry, isCertainlyRolledBack, isNoSuchValue, problemOf } from './shop-failure.js';

const at = { title: 'set shop.orders 12 back', counters: ['shop.stock'] };
const failure = (code: string, further: object = {}) =>
  Object.assign(new Error('duplicate key: Ada Lovelace'), { code, ...further });

test.each([
  ['55P03', 'locked', true],
  ['40001', 'locked', true],
  ['40P01', 'deadlock', true],
  ['57014', 'timeout', true],
  ['25P03', 'timeout', true],
  ['25P04', 'timeout', true],
  ['42501', 'permission-denied', false],
  ['28P01', 'permission-denied', false],
  ['0A000', 'unreachable', true],
  ['08006', 'unreachable', true],
  ['53300', 'unreachable', true],
  ['57P01', 'unreachable', true],
  ['23514', 'invariant-broken', false],
  ['23505', 'shop-error', false],
  ['P0001', 'shop-error', false],
  ['ECONNREFUSED', 'unreachable', true],
])('%s means %s', (code, reason, retry) => {
  const problem = problemOf(failure(code), at);
  expect(problem).toMatchObject({ outcome: 'failed', reason });
  expect(problem.outcome === 'failed' && canRetry(problem.reason)).toBe(retry);
});

test('the detail names the place and never the message, which may quote a row', () => {
  const { detail } = problemOf(
    failure('23505', {
      schema: 'shop',
      table: 'orders',
      constraint: 'orders_number_key',
      detail: 'Key (name)=(Ada)',
    }),
    at,
  );
  expect(detail).toBe(
    'SQLSTATE 23505, table shop.orders, constraint orders_number_key (set shop.orders 12 back)',
  );
});

test('a check broken on a counter means that the stock is gone', () => {
  const broken = failure('23514', { schema: 'shop', table: 'stock', constraint: 'enough' });
  expect(problemOf(broken, at)).toMatchObject({ outcome: 'refused', reason: 'stock-gone' });
});

test('silence is a time-out, a broken wire is not', () => {
  expect(problemOf(new Error('Query read timeout'), at)).toMatchObject({ reason: 'timeout' });
  expect(problemOf(new Error('Connection terminated'), at)).toMatchObject({
    reason: 'unreachable',
  });
});

test.each([
  ['23514', true],
  ['57014', true],
  ['57P01', false],
  ['08006', false],
  ['ECONNRESET', false],
])('at COMMIT, %s is certainly no commit: %s', (code, certain) => {
  expect(isCertainlyRolledBack(failure(code))).toBe(certain);
});

test('text that does not fit a type names nothing', () => {
  expect(isNoSuchValue(failure('22P02'))).toBe(true);
  expect(isNoSuchValue(failure('23505'))).toBe(false);
  expect(isNoSuchValue(new Error('x'))).toBe(false);
});
