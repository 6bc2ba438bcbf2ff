import { describe, expect, it } from '@jest/globals';
import { amount, inheritedCurrency, joined, listed, money, said, text, time } from './column.js';
import { recordOf, tableOf } from './table.js';
import { printable, widthOf } from './text.js';

describe('a table', () => {
  it('is aligned, also with wide characters, and has no blanks at its ends', () => {
    const columns = [text('name', 'name'), text('count', 'count')];
    const table = tableOf([{ name: 'é', count: 1 }, { name: '注文' }, { name: 'order' }], columns);
    expect(table).toBe('NAME   COUNT\né      1\n注文   -\norder  -');
  });

  it('has one thing a line as a record, and nothing that is not there', () => {
    const columns = [
      time('shipped', 'shippedAt'),
      text('order', 'number'),
      money('total', 'totalMinor', 'currency'),
    ];
    const item = { number: '10045', totalMinor: 123_450, currency: 'EUR' };
    expect(recordOf(item, columns)).toBe('order  10045\ntotal  EUR 1,234.50');
  });
});

describe('a value', () => {
  it.each([
    [text('x', 'a'), { a: 'words' }, 'words'],
    [text('x', 'a', 'b'), { a: null, b: 7 }, '7'],
    [text('x', 'a.b'), { a: { b: true } }, 'yes'],
    [text('x', 'a.b'), { a: null }, '-'],
    [text('x', 'a'), { a: { channel: 'web', n: 2 } }, 'channel=web n=2'],
    [text('x', 'a'), { a: {} }, '-'],
    [text('x', 'a'), { a: { until: null, filter: { actor: 'bot' } } }, 'filter=(actor=bot)'],
    [text('x', 'a'), { a: ['one', 'two'] }, 'one, two'],
    [text('x', 'a'), { a: 0 }, '0'],
    [time('x', 'a'), { a: '2026-11-22T03:00:00.999Z' }, '2026-11-22 03:00:00Z'],
    [time('x', 'a'), { a: '2026-11-22T03:00:00+03:00' }, '2026-11-22 00:00:00Z'],
    [time('x', 'a'), { a: null }, '-'],
    [time('x', 'a'), { a: 'infinity' }, 'infinity'],
    [money('x', 'a', 'c'), { a: 5, c: 'JPY' }, 'JPY 5'],
    [money('x', 'a', 'c'), { a: null, c: 'EUR' }, '-'],
    [money('x', 'a', 'c'), { a: 5, c: 'points' }, 'points 5'],
    [amount('x', 'a'), { a: 5, [inheritedCurrency]: 'EUR' }, 'EUR 0.05'],
    [listed('x', 'a', String), { a: [] }, '-'],
    [listed('x', 'a', String), { a: [1, 2, 1] }, '1, 2'],
    [said('x', 'a', (value) => `<${String(value)}>`), { a: 1 }, '<1>'],
    [joined('x', ['a', 'b'], (a, b) => `${String(a)}${String(b)}`), { a: 1, b: 2 }, '12'],
  ])('%# is shown as people read it', (column, item, shown) => {
    expect(column.show(item)).toBe(shown);
  });
});

describe('text of others', () => {
  it('keeps its letters and loses what steers a terminal', () => {
    expect(printable('Ольга\t注文 é')).toBe('Ольга\u{fffd}注文 é');
    expect(printable('a \r\n b')).toBe('a b');
    expect(printable('\u001b]0;title\u0007\u009b31m\u202ex\u2028y')).toBe(
      '\u{fffd}]0;title\u{fffd}\u{fffd}31m\u{fffd}x\u{fffd}y',
    );
  });

  it('is measured in columns', () => {
    expect([widthOf('abc'), widthOf('é'), widthOf('注文'), widthOf('👩‍🚀')]).toEqual([3, 1, 4, 2]);
  });
});
