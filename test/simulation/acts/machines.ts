import type { Random } from '../../../demo/generator/random.js';
import type { BackgroundStep } from '../../../src/platform/work/background-step.js';
import type { SimulatedProcess } from '../process.js';
import type { World } from '../world.js';
import type { Act } from './act.js';

/** A step that asks for another turn gets so many at once. */
const turnsMax = 4;

/** Steps that come by the hour, or have nothing to do with a shop that stands in: they get fewer turns. */
const seldom: ReadonlySet<string> = new Set([
  ...['journal-partitions', 'idempotency-sweep', 'replication-inspection', 'runbook-run'],
]);

/** A process comes to some of its background steps, in an order that is drawn. */
export const processWorks: Act = {
  name: 'a process works',
  weight: 24,
  async run(world, random) {
    const able = world.able();
    if (able.length === 0) return;
    const process = random.pick(able);
    const steps = shuffled(process.steps(), random).slice(0, random.pick([1, 2, 4, 13]));
    for (const step of steps) {
      if (process.isDead || process.isFrozen) return;
      await turn(world, process, step);
    }
  },
};

/** The shop's log comes, some of it twice. */
export const streamComes: Act = {
  name: 'the stream comes',
  weight: 14,
  async run(world, random) {
    const able = world.able();
    if (able.length === 0) return;
    const process = random.pick(able);
    const portion = {
      fresh: random.pick([1, 3, 50, Infinity]),
      repeated: random.chance(0.3) ? random.whole(1, 5) : 0,
    };
    const ended = await world.stream.deliver(process, portion);
    world.tell(`${process.name} journals`, ended);
  },
};

/** For a while all goes its usual way: the log comes whole, and one process gets to everything. */
export const calm: Act = {
  name: 'all goes its way',
  weight: 7,
  async run(world, random) {
    for (let round = random.whole(1, 3); round > 0; round -= 1) {
      world.advance(random.pick([1_000, 4_000, 12_000, 90_000]));
      const able = world.able();
      if (able.length === 0) return;
      const process = random.pick(able);
      const whole = { fresh: Infinity, repeated: 0 };
      world.tell(`${process.name} journals`, await world.stream.deliver(process, whole));
      for (const step of process.steps()) {
        const isDue = !seldom.has(step.name) || random.chance(0.1);
        if (isDue && !process.isDead && !process.isFrozen) await turn(world, process, step);
      }
    }
  },
};

export const timePasses: Act = {
  name: 'time passes',
  weight: 12,
  run(world, random) {
    const milliseconds = random.weighted({
      '300': 6,
      '1500': 6,
      '9000': 4,
      '40000': 3,
      '400000': 1,
    });
    world.advance(Number(milliseconds));
    world.say(`  ${milliseconds} ms`);
    return Promise.resolve();
  },
};

/** A process ends, begins, wakes, or is to be struck at one of its next statements. */
export const processFares: Act = {
  name: 'a process fares',
  weight: 5,
  async run(world, random) {
    const process = random.pick(world.processes);
    if (process.isFrozen) return world.thaw(process);
    if (process.isDead) {
      await process.begin();
      world.say(`  process ${process.name} begins`);
      return;
    }
    const way = random.weighted({ die: 2, hiccup: 2, end: 1 });
    if (way === 'end') {
      await process.die();
      world.say(`  process ${process.name} ends`);
      return;
    }
    const strike = { way, after: random.whole(0, 40), isDone: random.chance(0.5) };
    process.life.await(strike);
    world.say(`  process ${process.name} will ${way} at a statement`);
  },
};

/** The shop's server or the receiver of pages goes away for a while, or comes back. */
export const othersFare: Act = {
  name: 'others fare',
  weight: 3,
  run(world, random) {
    const what = random.pick(['shop', 'memory', 'receiver'] as const);
    const isBad = random.chance(0.4);
    if (what === 'shop') world.setShop({ isAway: isBad });
    if (what === 'memory') world.setShop({ isForgetful: isBad });
    if (what === 'receiver') world.receiver.set(isBad ? random.pick(['away', 'silent']) : 'well');
    world.say(`  ${what} ${isBad ? 'fails' : 'is well'}`);
    return Promise.resolve();
  },
};

export async function turn(
  world: World,
  process: SimulatedProcess,
  step: BackgroundStep,
): Promise<void> {
  for (let turns = 1; turns <= turnsMax; turns += 1) {
    const ended = await process.do(() => process.turn(step));
    const isQuiet = ended.how === 'done' && (ended.value === 'idle' || ended.value === 'not ours');
    if (!isQuiet) world.tell(`${process.name} ${step.name}`, ended);
    if (ended.how !== 'done' || ended.value !== 'more') return;
  }
}

function shuffled<T>(list: readonly T[], random: Random): T[] {
  return list
    .map((one) => ({ one, place: random.next() }))
    .sort((left, right) => left.place - right.place)
    .map(({ one }) => one);
}
