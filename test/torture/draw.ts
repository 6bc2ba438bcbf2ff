import { randomFrom, type Random } from '../../demo/generator/random.js';

/** Named points in the restore of one order, in the order in which it comes by them. */
export const points = [
  'begun',
  'written',
  'id-answered',
  'noting',
  'noted',
  'commit-held',
  'commit-sent',
  'ack-lost',
  'recording',
  'echo-pending',
] as const;
export type NamedPoint = (typeof points)[number];
export type Point = NamedPoint | 'random';

/** What strikes there. */
export const ways = [
  'kill',
  'vanish',
  'stop',
  'beside',
  'cut',
  'cut-own',
  'server',
  'server-and-kill',
] as const;
export type Way = (typeof ways)[number];

export const acts = ['restore', 'undo'] as const;
export type Act = (typeof acts)[number];

/** One torment: everything that chance decides of it, so that a seed says it all. */
export interface Draw {
  readonly seed: number;
  readonly act: Act;
  readonly point: Point;
  readonly way: Way;
  /** lines of each order, by quantity */
  readonly orders: readonly (readonly number[])[];
  /** in which order of the run (counted from 1, as they come by the point) it strikes */
  readonly nth: number;
  /** for a random point: which message to the shop, and where it is held */
  readonly message: number;
  readonly hold: 'before' | 'after' | 'answered';
  /** how long nobody gets through to the shop after a cut */
  readonly shutMs: number;
  /** what a process that was stopped had sent reaches the shop when it wakes; else it is lost on the way */
  readonly isDelivered: boolean;
  /** a stopped process wakes while the other one is still at it; else when that has finished */
  readonly wakesEarly: boolean;
}

/** Statements of the restore of one order of one line, about. */
const messagesOfOrder = 32;

/** The torment of a seed; what is given is not drawn, and everything else is as without it. */
export function drawOf(seed: number, given: Partial<Pick<Draw, 'point' | 'way' | 'act'>>): Draw {
  const random = randomFrom(String(seed), 'torture');
  const drawn = { act: random.chance(0.3) ? 'undo' : 'restore', way: random.pick(ways) } as const;
  const orders = Array.from({ length: random.whole(2, 6) }, () => linesOf(random));
  return {
    seed,
    point: 'random',
    ...drawn,
    orders,
    nth: random.whole(1, orders.length),
    message: random.whole(1, messagesOfOrder * orders.length),
    hold: random.pick(['before', 'after', 'answered']),
    shutMs: random.whole(0, 1_500),
    isDelivered: random.chance(0.5),
    wakesEarly: random.chance(0.5),
    ...given,
  };
}

/** Seeds from here on name a point and a way; chance draws the rest, as for any other. */
const firstPairSeed = 1_000_001;

/**
 * Each point with each way. No pair is left out: also where two of them come to the same for the shop (a process that
 * is killed, or whose COMMIT is held back by a cut), the service's own rows differ.
 */
export function everyWay(): Draw[] {
  return points.flatMap((point) => ways.map((way) => pairOf(point, way)));
}

/**
 * Ways of one turn of named points, one for each, so that each point meets each way within as many turns. The likeliest
 * of them, a shop that cannot be reached, comes at three points of every turn.
 */
const waysOfTurn = [
  'cut',
  'kill',
  'stop',
  'cut',
  'server-and-kill',
  'beside',
  'cut',
  'vanish',
  'server',
  'cut-own',
] as const satisfies readonly Way[];

/** Each named point once; which way meets which point is moved on by the turn. */
export function namedDraws(turn: number): Draw[] {
  return points.map((point, place) =>
    pairOf(point, waysOfTurn[(place + turn) % waysOfTurn.length] ?? 'kill'),
  );
}

/** So many turns differ. */
export const turns = waysOfTurn.length;

function pairOf(point: NamedPoint, way: Way): Draw {
  const [row, column] = [points.indexOf(point), ways.indexOf(way)];
  return drawOf(firstPairSeed + row * ways.length + column, {
    point,
    way,
    act: (row + column) % 3 === 2 ? 'undo' : 'restore',
  });
}

function linesOf(random: Random): number[] {
  return Array.from({ length: random.whole(1, 3) }, () => random.whole(1, 3));
}
