import { describe, expect, it } from '@jest/globals';
import { keptSeeds } from '../simulation/kept-seeds.js';
import { readOptions, UsageError } from '../simulation/options.js';
import { playSeed } from '../simulation/seed-run.js';

type Played = Awaited<ReturnType<typeof playSeed>>;

/** A way that the seed took twice, of three plays at most: a real time-out may come into one of them. */
async function wayOf(seed: number, steps: number): Promise<Played> {
  const played: Played[] = [];
  while (played.length < 3) {
    const next = await playSeed(seed, { steps });
    if (played.some(({ hash }) => hash === next.hash)) return next;
    played.push(next);
  }
  throw new Error(`seed ${seed} took three ways: ${played.map(({ hash }) => hash).join(', ')}`);
}

describe('the simulation', () => {
  it('takes the same way with the same seed, and another one with another', async () => {
    const steps = 60;
    const first = await wayOf(2, steps);
    const other = await playSeed(15, { steps });
    expect(first.fault).toBeUndefined();
    expect(other.hash).not.toBe(first.hash);
    // what is left of the first part of a seed is what it was with all of it
    const shorter = await playSeed(2, { steps: 20 });
    const begun = first.lines.slice(
      0,
      first.lines.findIndex((line) => line.startsWith('#21 ')),
    );
    expect(shorter.lines.slice(0, begun.length)).toEqual(begun);
  });

  it('leaves steps out without changing what others draw', async () => {
    const whole = await playSeed(14, { steps: 12 });
    const part = await playSeed(14, { steps: 12, left: new Set([3, 4]) });
    const heads = ({ lines }: typeof whole) =>
      lines.filter((line) => line.startsWith('#')).map((line) => line.replace(/\+\S+/, ''));
    expect(heads(part)).toEqual(heads(whole).filter((line) => !/^#(3|4) /.test(line)));
  });

  it('holds all invariants with the seeds that failed once', async () => {
    for (const seed of await keptSeeds()) expect((await playSeed(seed)).fault).toBeUndefined();
  });
});

describe('the options of npm run simulate', () => {
  it('are seeds, minutes or one seed', () => {
    expect(readOptions(['--seeds', '5000', '--from', '7'])).toMatchObject({
      seeds: 5_000,
      from: 7,
    });
    expect(readOptions(['--minutes', '0.5'])).toMatchObject({ minutes: 0.5, seeds: Infinity });
    expect(readOptions(['--seed', '42'])).toMatchObject({ seed: 42 });
    expect(readOptions([])).toMatchObject({ seeds: 100, minutes: Infinity, help: false });
  });

  it.each([
    [['--seeds', 'many']],
    [['--seeds', '0']],
    [['--minutes', '-1']],
    [['--seed', '1', '--minutes', '3']],
    [['--speed', '3']],
    [['5000']],
  ])('%j is told apart from them', (given) => {
    expect(() => readOptions(given)).toThrow(UsageError);
  });
});
