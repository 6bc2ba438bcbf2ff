import pg from 'pg';
import { QueryFailedError } from 'typeorm';
import { Fault } from '../../../platform/errors.js';
import { isShopFailure, placeOf, shopProblem, ToldFailure } from './shop-problem.js';

const secret = 'Jane Doe-Secret';

function databaseError(fields: Partial<pg.DatabaseError>): pg.DatabaseError {
  const error = new pg.DatabaseError(`invalid value "${secret}"`, 1, 'error');
  return Object.assign(error, { detail: `Failing row contains (${secret})`, ...fields });
}

describe('what a failure of a shop is called', () => {
  it.each([
    [databaseError({ code: '22P02' }), 'a value does not fit (SQLSTATE 22P02)'],
    [
      databaseError({ code: '23505', schema: 'shop', table: 'orders', constraint: 'orders_pkey' }),
      'a constraint is broken (SQLSTATE 23505, table shop.orders, constraint orders_pkey)',
    ],
    [databaseError({ code: '57P01' }), 'the server is stopping or starting (SQLSTATE 57P01)'],
    [databaseError({ code: 'P0001' }), 'the server refused a statement (SQLSTATE P0001)'],
    [
      new QueryFailedError(
        `INSERT '${secret}'`,
        [secret],
        databaseError({ code: '23514', column: 'image' }),
      ),
      'Reinstate’s own database: a constraint is broken (SQLSTATE 23514, column image)',
    ],
    [
      Object.assign(new Error(`getaddrinfo ${secret}`), { code: 'ENOTFOUND' }),
      'the server cannot be reached (ENOTFOUND)',
    ],
    [
      new AggregateError([Object.assign(new Error(secret), { code: 'ECONNREFUSED' })]),
      'the server cannot be reached (ECONNREFUSED)',
    ],
    [new Error('Query read timeout'), 'the server does not answer, or hung up'],
    [new TypeError(`cannot read ${secret}`), 'a fault in Reinstate (TypeError)'],
    [new ToldFailure('in our own words'), 'in our own words'],
    [new Fault('conflict', 'code', 'a fault of ours'), 'a fault of ours'],
  ])('%#', (error, words) => {
    expect(shopProblem(error)).toBe(words);
    expect(placeOf(error)).not.toContain(secret);
  });

  it('says where our own faults come from, and only those', () => {
    expect(placeOf(new TypeError(`cannot read ${secret}`))).toMatch(/^at .*shop-problem\.spec/);
    expect(placeOf(databaseError({ code: '22P02' }))).toBe('');
    expect(isShopFailure(databaseError({ code: '22P02' }))).toBe(true);
    expect(isShopFailure(new TypeError('x'))).toBe(false);
    expect(isShopFailure(new QueryFailedError('', [], databaseError({ code: '22P02' })))).toBe(
      false,
    );
  });
});
