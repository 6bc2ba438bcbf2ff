import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { messageOf } from '../../src/platform/errors.js';
import { acts, drawOf, everyWay, namedDraws, points, turns, ways, type Draw } from './draw.js';

const seedsMax = 100_000;
const lanesMax = 8;
const seedsByDefault = 10;

export const usage = `bash test/ops/restore-torture.sh [--named | --every-way [--act ACT]] [--seeds N] [--from SEED] [--side-by-side N]
bash test/ops/restore-torture.sh --seed SEED [--point POINT] [--way WAY] [--act ACT]

  --named          every named point once, with ways that differ from time to time
  --every-way      every named point with every way
  --seeds N        so many random points (${seedsByDefault} where nothing else is asked for)
  --from SEED      the first of their seeds (1)
  --side-by-side N so many at once, each with a shop's server of its own (1)
  --seed SEED      one torment alone, with what was drawn for it
  --point POINT    ${['random', ...points].join(', ')}
  --way WAY        ${ways.join(', ')}
  --act ACT        ${acts.join(', ')}
  --help           this text

--point, --way and --act set what chance would draw for --seed or --seeds.
`;

/** What was asked for cannot be done; the message says why. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export interface Asked {
  readonly draws: readonly Draw[];
  /** torments at once */
  readonly lanes: number;
}

const options = {
  named: { type: 'boolean' },
  'every-way': { type: 'boolean' },
  seeds: { type: 'string' },
  from: { type: 'string' },
  'side-by-side': { type: 'string' },
  seed: { type: 'string' },
  point: { type: 'string' },
  way: { type: 'string' },
  act: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const;

type Values = ReturnType<typeof parse>;

/** The torments that are asked for; undefined where only the usage is. */
export function readArguments(given: readonly string[]): Asked | undefined {
  const values = parse(given);
  if (values.help === true) return undefined;
  const lanes = wholeNumber(values, 'side-by-side', { least: 1, most: lanesMax }) ?? 1;
  return { draws: values.seed === undefined ? several(values) : [one(values)], lanes };
}

function parse(given: readonly string[]) {
  try {
    return parseArgs({ args: [...given], options }).values;
  } catch (error) {
    throw new UsageError(messageOf(error));
  }
}

function one(values: Values): Draw {
  for (const other of ['named', 'every-way', 'seeds', 'from'] as const)
    if (values[other] !== undefined)
      throw new UsageError(`--seed is one torment alone: leave out --${other}`);
  const seed = wholeNumber(values, 'seed', { least: 0, most: Number.MAX_SAFE_INTEGER }) ?? 0;
  const pair = everyWay().find((draw) => draw.seed === seed);
  return { ...(pair ?? drawOf(seed, {})), ...overridden(values) };
}

function several(values: Values): Draw[] {
  const atPoints = pointsAsked(values);
  const seeds = wholeNumber(values, 'seeds', { least: 1, most: seedsMax });
  const set = overridden(values);
  if (atPoints.length > 0 && seeds === undefined)
    for (const other of ['from', 'point', 'way', 'act'] as const)
      if (values[other] !== undefined && !(other === 'act' && values['every-way'] === true))
        throw new UsageError(`--${other} is for random points: give --seeds too`);
  const count = seeds ?? (atPoints.length > 0 ? 0 : seedsByDefault);
  const from = wholeNumber(values, 'from', { least: 0, most: Number.MAX_SAFE_INTEGER }) ?? 1;
  const random = Array.from({ length: count }, (_, place) => drawOf(from + place, set));
  return [...atPoints, ...random];
}

function pointsAsked(values: Values): Draw[] {
  const { named, 'every-way': every } = values;
  if (named === true && every === true)
    throw new UsageError('--every-way holds what --named does: leave out --named');
  if (named === true) return namedDraws(randomInt(turns));
  const { act } = overridden(values);
  return every === true ? everyWay().map((draw) => ({ ...draw, act: act ?? draw.act })) : [];
}

function overridden({ point, way, act }: Values): Partial<Pick<Draw, 'point' | 'way' | 'act'>> {
  return {
    ...(point === undefined ? {} : { point: oneOf('point', point, ['random', ...points]) }),
    ...(way === undefined ? {} : { way: oneOf('way', way, ways) }),
    ...(act === undefined ? {} : { act: oneOf('act', act, acts) }),
  };
}

function oneOf<T extends string>(name: string, text: string, known: readonly T[]): T {
  const found = known.find((candidate) => candidate === text);
  if (found === undefined)
    throw new UsageError(`--${name} is one of ${known.join(', ')}, not "${text}"`);
  return found;
}

function wholeNumber(
  values: Values,
  name: 'seeds' | 'from' | 'seed' | 'side-by-side',
  { least, most }: { least: number; most: number },
): number | undefined {
  const text = values[name];
  if (text === undefined) return undefined;
  const number = /^\d+$/.test(text) ? Number(text) : NaN;
  if (!(number >= least && number <= most))
    throw new UsageError(`--${name} wants a whole number from ${least} to ${most}, not "${text}"`);
  return number;
}
