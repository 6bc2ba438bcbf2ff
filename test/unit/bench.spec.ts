import { describe, expect, it } from '@jest/globals';
import { benches } from '../../bench/catalogue.js';
import { resultSchema, runSchema, type BenchRun, type Figure } from '../../bench/figure.js';
import { resultOf, wordsOf } from '../../bench/judge.js';
import { readOptions, UsageError, usageOf } from '../../bench/options.js';
import { numberWords, tableOf } from '../../bench/report.js';
import { blocksOf, medianOf, percentileOf } from '../../bench/statistics.js';

const names = benches.map(({ name }) => name);
const figures = benches.flatMap((bench) => bench.figures);

describe('the benches', () => {
  it('each have a name of their own and say what they measure', () => {
    expect(new Set(names).size).toBe(names.length);
    for (const { name, title } of benches) {
      expect(name).toMatch(/^[a-z][a-z-]*$/);
      expect(usageOf(benches)).toContain(title);
    }
  });

  it.each(figures.map((figure) => [figure.name, figure] as const))(
    '%s has a unit, a reference and an aim in words',
    (_name, figure) => {
      // without samples it would be no figure: their schema is that of the results
      const result = resultOf('any', figure, { measured: [2, 4], reference: [1, 4] });
      expect(resultSchema.parse(result)).toEqual(result);
      for (const aim of figure.aims) expect(wordsOf(aim, figure.unit)).not.toBe('');
    },
  );

  it('have the figures of the issue, with the bounds that it sets', () => {
    const bounds = figures
      .map(({ name, aims, unit }) => [
        name,
        aims
          .filter(({ atLeast, atMost }) => (atLeast ?? atMost) !== undefined)
          .map((aim) => wordsOf(aim, unit)),
      ])
      .filter(([, words]) => words?.length !== 0);
    expect(Object.fromEntries(bounds)).toMatchObject({
      'delay-from-tenth-p99': ['<= 0.25 s'],
      'replication-cancels': ['>= 0.35 of the reference'],
      'replication-large': ['>= 0.35 of the reference'],
      'http-stream': ['>= 0.35 of the reference'],
      'http-batch': ['>= 0.35 of the reference'],
      'restore-rate': ['>= 0.5 of the reference'],
      'restore-time': ['<= 20 s'],
    });
    expect(new Set(figures.map(({ name }) => name)).size).toBe(figures.length);
  });
});

const rate: Figure = {
  name: 'rate',
  title: 'events kept',
  unit: 'events/s',
  better: 'more',
  reference: 'COPY',
  aims: [{ of: 'ratio', atLeast: 0.35 }],
};

describe('a result', () => {
  it('is the median between the lowest and the highest, and the median of the ratios of each repetition', () => {
    const result = resultOf('http', rate, { measured: [30, 10, 20], reference: [100, 20, 50] });
    expect(result.measured).toEqual({ value: 20, lowest: 10, highest: 30 });
    expect(result.reference).toEqual({ words: 'COPY', value: 50, lowest: 20, highest: 100 });
    expect(result.ratio).toEqual({ value: 0.4, lowest: 0.3, highest: 0.5 });
    expect(result.aims).toEqual([{ words: '>= 0.35 of the reference', held: true }]);
  });

  it('is that of all repetitions together where they say so', () => {
    const whole = { measured: 12, reference: 60 };
    const result = resultOf('http', rate, { measured: [10, 20], reference: [50, 50], whole });
    expect(result.measured.value).toBe(12);
    expect(result.ratio).toEqual({ value: 0.2, lowest: 0.2, highest: 0.4 });
    expect(result.aims[0]?.held).toBe(false);
  });

  it('holds a bound of the value, on either side, and none where none is set', () => {
    const judged = (aim: Figure['aims'][number]) =>
      resultOf('b', { ...rate, aims: [aim] }, { measured: [5], reference: [1] }).aims[0]?.held;
    expect(judged({ of: 'value', atMost: 5 })).toBe(true);
    expect(judged({ of: 'value', atMost: 4.9 })).toBe(false);
    expect(judged({ of: 'value', atLeast: 5.1 })).toBe(false);
    expect(judged({ of: 'value', words: 'none set' })).toBeNull();
  });

  it('is none without a reference for each sample', () => {
    expect(() => resultOf('b', rate, { measured: [1, 2], reference: [1] })).toThrow('references');
    expect(() => resultOf('b', rate, { measured: [], reference: [] })).toThrow('0 samples');
  });
});

describe('a run as JSON', () => {
  const run: BenchRun = {
    startedAt: '2026-11-23T13:00:00.000Z',
    seconds: 12.5,
    size: 'quick',
    machine: { processors: 2, memoryGb: 8, node: 'v24', platform: 'linux x64', loadAtStart: 0 },
    failed: [{ bench: 'delay', why: 'no page came' }],
    results: [resultOf('http', rate, { measured: [1], reference: [2] })],
  };

  it('fits its schema, and nothing else does', () => {
    expect(runSchema.parse(JSON.parse(JSON.stringify(run)))).toEqual(run);
    const lame = { ...run, results: [{ ...run.results[0], unit: '' }] };
    expect(runSchema.safeParse(lame).success).toBe(false);
    const aimless = { ...run, results: [{ ...run.results[0], aims: [] }] };
    expect(runSchema.safeParse(aimless).success).toBe(false);
  });

  it('is a table in which each figure stands beside its reference, ratio and aim', () => {
    const [head, , line] = tableOf(run).split('\n');
    const cells = (text: string | undefined) => text?.split('|').map((cell) => cell.trim());
    expect(cells(head)?.slice(1, -1)).toEqual(['figure', 'measured', 'reference', 'ratio', 'aim']);
    expect(cells(line)?.slice(1, -1)).toEqual([
      ...['events kept (events/s)', '1', '2 COPY', '0.5', '>= 0.35 of the reference: held'],
    ]);
  });
});

describe('the arguments', () => {
  it('choose benches and their size', () => {
    expect(readOptions([], ['a', 'b'])).toEqual({ only: [], size: 'full' });
    expect(readOptions(['--quick', '--only', 'a,b'], ['a', 'b'])).toEqual({
      only: ['a', 'b'],
      size: 'quick',
    });
    expect(readOptions(['--help'], [])).toBeUndefined();
  });

  it('that are wrong are told in words', () => {
    expect(() => readOptions(['--only', 'c'], ['a', 'b'])).toThrow('--only takes a, b; not c');
    expect(() => readOptions(['--slow'], [])).toThrow(UsageError);
  });
});

describe('statistics', () => {
  it('take percentiles by nearest rank, and the middle of an even number between two', () => {
    const values = Array.from({ length: 300 }, (_, place) => 300 - place);
    expect(percentileOf(values, 0.99)).toBe(297);
    expect(percentileOf(values, 0.5)).toBe(150);
    expect(medianOf(values)).toBe(150.5);
    expect(() => percentileOf([], 0.5)).toThrow('nothing');
    expect(() => medianOf([])).toThrow('nothing');
  });

  it('part a list in order', () => {
    expect(blocksOf([1, 2, 3, 4, 5], 2)).toEqual([
      [1, 2, 3],
      [4, 5],
    ]);
  });

  it('are told with three digits', () => {
    expect([0.012345, 12.345, 1234.5].map(numberWords)).toEqual(['0.0123', '12.3', '1,235']);
  });
});
