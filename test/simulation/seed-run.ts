import type { Act } from './acts/act.js';
import { faultyJobRuns, harmGoesOn, placeOrders, shopGoesOn, tellerTells } from './acts/load.js';
import {
  calm,
  othersFare,
  processFares,
  processWorks,
  streamComes,
  timePasses,
  turn,
} from './acts/machines.js';
import { personActs } from './acts/people.js';
import { Checks } from './checks/checks.js';
import { products } from './shop/shop-software.js';
import { World } from './world.js';

const acts: readonly Act[] = [
  ...[placeOrders, faultyJobRuns, shopGoesOn, processWorks, streamComes, timePasses, processFares],
  ...[othersFare, personActs, calm, tellerTells, harmGoesOn],
];
const weights = Object.fromEntries(acts.map(({ name, weight }) => [name, weight]));

/** Steps of one seed, before everything is let come to rest. */
export const stepsOfSeed = 120;
/** Rounds in which everything has to come to rest. */
const restRounds = 40;

export interface SeedResult {
  readonly seed: number;
  readonly steps: number;
  readonly hash: string;
  readonly lines: readonly string[];
  /** restores and undos that Reinstate committed in the shop */
  readonly writes: number;
  /** the checker and what it found; undefined where all invariants hold */
  readonly fault: { readonly checker: string; readonly found: readonly string[] } | undefined;
}

/** Plays one seed; steps in `left` are left out, and all others draw what they would have drawn. */
export async function playSeed(
  seed: number,
  given: { readonly left?: ReadonlySet<number>; readonly steps?: number } = {},
): Promise<SeedResult> {
  const world = await World.create(seed);
  const random = Math.random;
  // the pauses between tries to page are drawn in the product
  const own = world.random('product');
  Math.random = () => own.next();
  try {
    return await play(world, { left: new Set(), steps: stepsOfSeed, ...given });
  } finally {
    Math.random = random;
    await world.close();
  }
}

async function play(
  world: World,
  given: { readonly left: ReadonlySet<number>; readonly steps: number },
): Promise<SeedResult> {
  const checks = new Checks(world);
  const result = (steps: number, fault?: SeedResult['fault']): SeedResult => {
    const { seed, trace } = world;
    return {
      seed,
      steps,
      hash: trace.hash,
      lines: trace.lines,
      writes: world.writes.length,
      fault,
    };
  };
  await begin(world);
  const harm = world.random('harm').whole(2, 20);
  for (let step = 1; step <= given.steps; step += 1) {
    if (given.left.has(step)) continue;
    await act(world, step, step === harm ? faultyJobRuns.name : undefined);
    const fault = await checks.afterStep();
    if (fault !== undefined) return result(step, fault);
  }
  await comeToRest(world);
  return result(given.steps, (await checks.afterStep()) ?? (await checks.atRest()));
}

async function begin(world: World): Promise<void> {
  const random = await world.enter('load');
  world.software.stock({ tea: random.whole(40, 80), cups: random.whole(10, 80) });
  for (let count = random.whole(10, 22); count > 0; count -= 1)
    world.software.place({ product: random.pick(products), quantity: random.whole(1, 3) });
}

/** Draws what happens, unless that is given. */
async function act(world: World, step: number, given: string | undefined): Promise<void> {
  const random = await world.enter(`step ${step}`);
  const drawn = random.weighted(weights);
  const name = given ?? drawn;
  const seconds = ((world.now().getTime() - World.start.getTime()) / 1000).toFixed(1);
  world.say(`#${step} +${seconds}s ${name}`);
  await acts.find((one) => one.name === name)?.run(world, random);
}

/** All faults are over; everybody who has something to do gets to it, until nothing is left. */
async function comeToRest(world: World): Promise<void> {
  await world.enter('rest');
  world.say('# all faults are over');
  await world.heal();
  const [teller] = world.able();
  if (teller !== undefined) await world.teller.send(teller, world.people.bot, world.teller.events);
  for (let round = 1; round <= restRounds; round += 1) {
    const before = await world.progress();
    // longer than any lease that others have left behind
    world.advance(10_000);
    const [process] = world.able();
    if (process === undefined) throw new Error('nobody is left');
    await world.stream.deliver(process, { fresh: Infinity, repeated: 0 });
    for (const step of process.steps()) await turn(world, process, step);
    if (round > 5 && (await world.progress()) === before) return;
  }
}
