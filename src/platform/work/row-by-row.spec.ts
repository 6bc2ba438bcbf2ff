import { afterAll, describe, expect, it } from '@jest/globals';
import { Logger, type LoggerService } from '@nestjs/common';
import { Log } from '../telemetry/log.js';
import { RowByRow } from './row-by-row.js';

const start = new Date('2026-03-01T12:00:00Z');
const { signal } = new AbortController();
const after = (seconds: number) => ({ now: new Date(start.getTime() + seconds * 1_000), signal });

afterAll(() => {
  Logger.overrideLogger(['error', 'fatal']);
});

/** What reaches the log, in the order in which it does. */
function logged(): unknown[][] {
  const lines: unknown[][] = [];
  const logger: LoggerService = {
    log: () => {},
    warn: () => {},
    error: (...line) => lines.push(line),
  };
  Logger.overrideLogger(logger);
  return lines;
}

function bench(bad: ReadonlyMap<string, string>) {
  const failures = { count: 0, told: logged() };
  const rows = new RowByRow({
    log: new Log('Test'),
    count: () => (failures.count += 1),
    event: 'row-not-done',
    field: 'alert_id',
    words: 'a row cannot be done',
  });
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
    const line = { event: 'row-not-done', alert_id: 'b' };
    expect(failures).toEqual({
      count: 1,
      told: [[line, 'a row cannot be done: broken', 'Test']],
    });
    expect(rows.resting(after(0.9).now)).toEqual(['b']);
    await rows.each(['b'], after(0.9), work);
    expect(failures.count).toBe(1);
    await rows.each(['b'], after(1), work);
    // counted again, and told once
    expect(failures).toMatchObject({ count: 2, told: { length: 1 } });
    expect(rows.resting(after(2.9).now)).toEqual(['b']);
    expect(rows.resting(after(3).now)).toEqual([]);
  });

  it('never rests longer than five minutes, and begins anew once it went well', async () => {
    const bad = new Map([['b', 'broken']]);
    const { rows, failures, done, work } = bench(bad);
    let second = 0;
    for (let turn = 0; turn < 20; turn += 1) await rows.each(['b'], after((second += 300)), work);
    expect(failures).toMatchObject({ count: 20, told: { length: 1 } });
    bad.delete('b');
    await rows.each(['b'], after(second + 300), work);
    expect(done).toEqual(['b']);
    bad.set('b', 'broken');
    await rows.each(['b'], after(second + 301), work);
    expect(failures.told).toHaveLength(2);
    expect(rows.resting(after(second + 302).now)).toEqual([]);
  });

  it('tells a new reason as news', async () => {
    const bad = new Map([['b', 'broken']]);
    const { rows, failures, work } = bench(bad);
    await rows.each(['b'], after(0), work);
    bad.set('b', 'otherwise broken');
    await rows.each(['b'], after(10), work);
    expect(failures.told.map(([, words]) => words)).toEqual([
      'a row cannot be done: broken',
      'a row cannot be done: otherwise broken',
    ]);
  });

  it('asks for another turn where one row does, and leaves off when it is told to', async () => {
    const { rows, done, work } = bench(new Map());
    expect((await rows.each(['a', 'long'], after(0), work)).more).toBe(true);
    const stopped = { now: start, signal: AbortSignal.abort() };
    expect(await rows.each(['c'], stopped, work)).toEqual({ worked: false, more: false });
    expect(done).toEqual(['a', 'long']);
  });
});
