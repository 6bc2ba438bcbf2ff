import { describe, expect, it } from '@jest/globals';
import { RowByRow, type RowFailure } from './row-by-row.js';

const start = new Date('2026-03-01T12:00:00Z');
const { signal } = new AbortController();
const after = (seconds: number) => ({ now: new Date(start.getTime() + seconds * 1_000), signal });

function bench(bad: ReadonlyMap<string, string>) {
  const failures: RowFailure[] = [];
  const rows = new RowByRow((failure) => failures.push(failure));
  const done: string[] = [];
  const work = (id: string) => {
    const message = bad.get(id);
    if (message !== undefined) return Promise.reject(new Error(message));
    done.push(id);
    return Promise.resolve(id === 'long' ? ('more' as const) : ('done' as const));
  };
  return { rows, failures, done, work };
}

describe('work done row by row', () => {
  it('goes on with the others where one fails, and lets that one rest ever longer', async () => {
    const bad = new Map([['b', 'broken']]);
    const { rows, failures, done, work } = bench(bad);
    expect(await rows.each(['a', 'b', 'c'], after(0), work)).toEqual({ worked: true, more: false });
    expect(done).toEqual(['a', 'c']);
    expect(failures).toEqual([{ id: 'b', message: 'broken', isNews: true }]);
    expect(rows.resting(after(0.9).now)).toEqual(['b']);
    await rows.each(['b'], after(0.9), work);
    expect(failures).toHaveLength(1);
    await rows.each(['b'], after(1), work);
    expect(failures.at(-1)).toEqual({ id: 'b', message: 'broken', isNews: false });
    expect(rows.resting(after(2.9).now)).toEqual(['b']);
    expect(rows.resting(after(3).now)).toEqual([]);
  });

  it('never rests longer than five minutes, and begins anew once it went well', async () => {
    const bad = new Map([['b', 'broken']]);
    const { rows, failures, done, work } = bench(bad);
    let second = 0;
    for (let turn = 0; turn < 20; turn += 1) await rows.each(['b'], after((second += 300)), work);
    expect(failures).toHaveLength(20);
    bad.delete('b');
    await rows.each(['b'], after(second + 300), work);
    expect(done).toEqual(['b']);
    bad.set('b', 'broken');
    await rows.each(['b'], after(second + 301), work);
    expect(failures.at(-1)?.isNews).toBe(true);
    expect(rows.resting(after(second + 302).now)).toEqual([]);
  });

  it('tells a new reason as news', async () => {
    const bad = new Map([['b', 'broken']]);
    const { rows, failures, work } = bench(bad);
    await rows.each(['b'], after(0), work);
    bad.set('b', 'otherwise broken');
    await rows.each(['b'], after(10), work);
    expect(failures.map(({ isNews }) => isNews)).toEqual([true, true]);
  });

  it('asks for another turn where one row does, and leaves off when it is told to', async () => {
    const { rows, done, work } = bench(new Map());
    expect((await rows.each(['a', 'long'], after(0), work)).more).toBe(true);
    const stopped = { now: start, signal: AbortSignal.abort() };
    expect(await rows.each(['c'], stopped, work)).toEqual({ worked: false, more: false });
    expect(done).toEqual(['a', 'long']);
  });
});
