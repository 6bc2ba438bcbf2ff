import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';

export const usage = `npm run simulate -- [--seeds N | --minutes M | --seed S]

Plays seeds of the simulation, each on a database of its own, and checks the invariants after each step
(docs/simulation.md). Seeds that failed before come first.

  --seeds N      so many seeds (100)
  --minutes M    as many seeds as there is time for
  --seed S       this seed alone, with its trace
  --from S       the first of the seeds; one drawn afresh where it is left out
  --workers W    so many side by side (${availableParallelism()})
  --help         this text

It ends with 0 where all invariants held, 1 where one did not, 2 for a wrong option, 130 after Ctrl-C.
`;

/** The command was not understood. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export interface Options {
  readonly help: boolean;
  /** this one alone */
  readonly seed: number | undefined;
  readonly from: number;
  readonly seeds: number;
  /** Infinity where the count decides */
  readonly minutes: number;
  readonly workers: number;
}

/** Seeds are short enough to be typed. */
const seedMax = 1_000_000_000;

/** @throws UsageError */
export function readOptions(given: readonly string[]): Options {
  const values = parsed(given);
  const { seeds, minutes, seed, from, workers } = values;
  if ([seeds, minutes, seed].filter((one) => one !== undefined).length > 1)
    throw new UsageError('one of --seeds, --minutes and --seed is enough');
  return {
    help: values.help === true,
    seed: seed === undefined ? undefined : numberOf('seed', seed, { least: 0 }),
    from:
      from === undefined
        ? Math.floor(Math.random() * seedMax)
        : numberOf('from', from, { least: 0 }),
    seeds: minutes === undefined ? numberOf('seeds', seeds ?? '100', { least: 1 }) : Infinity,
    minutes:
      minutes === undefined ? Infinity : numberOf('minutes', minutes, { least: 0.1, part: true }),
    workers:
      workers === undefined ? availableParallelism() : numberOf('workers', workers, { least: 1 }),
  };
}

function parsed(given: readonly string[]) {
  const text = { type: 'string' } as const;
  try {
    return parseArgs({
      args: [...given],
      options: {
        ...{ seeds: text, minutes: text, seed: text, from: text, workers: text },
        help: { type: 'boolean', short: 'h' },
      },
    }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function numberOf(
  name: string,
  text: string,
  { least, part = false }: { least: number; part?: boolean },
): number {
  const number = Number(text);
  const isGood = (part ? /^\d+(\.\d+)?$/ : /^\d{1,15}$/).test(text) && number >= least;
  if (!isGood)
    throw new UsageError(
      `--${name} wants a ${part ? '' : 'whole '}number from ${least} on, not "${text}"`,
    );
  return number;
}
