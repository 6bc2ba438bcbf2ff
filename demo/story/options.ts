import { parseArgs } from 'node:util';

export const ways = ['api', 'sql', 'steps', 'lines'] as const;
export type Way = (typeof ways)[number];

export interface DemoOptions {
  /** asks nothing and ends by itself */
  readonly once: boolean;
  readonly way: Way;
  /** how many orders the faulty job hits at first; it then goes on more slowly */
  readonly orders: number;
  readonly seed: string;
  /** no failure at all: a sale and one customer's 40 cancellations, which must raise nothing */
  readonly noFailure: boolean;
}

export const usage = `Usage: npm run demo -- [options]

  --once         asks nothing and ends by itself; exit code 0 only if the proof holds
  --way WAY      how the faulty job cancels: api (default), sql, steps or lines
  --orders N     orders that it hits at first, 1 to 500 (default 12)
  --seed S       seed of customers, orders and failures (default: 1)
  --no-failure   90 seconds with a sale and one customer cancelling 40 orders;
                 exit code 0 only if nothing was raised
  --help         this text
`;

/** What is wrong with the arguments, in words. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Reads the arguments; undefined when help is asked for. */
export function readOptions(args: readonly string[]): DemoOptions | undefined {
  const { values } = parse(args);
  if (values.help === true) return undefined;
  const way = ways.find((known) => known === values.way);
  if (way === undefined)
    throw new UsageError(`--way is one of ${ways.join(', ')}, not "${values.way}"`);
  const orders = Number(values.orders);
  if (!Number.isInteger(orders) || orders < 1 || orders > 500) {
    throw new UsageError(`--orders is a whole number from 1 to 500, not "${values.orders}"`);
  }
  return { once: values.once, way, orders, seed: values.seed, noFailure: values['no-failure'] };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        once: { type: 'boolean', default: false },
        way: { type: 'string', default: 'api' },
        orders: { type: 'string', default: '12' },
        seed: { type: 'string', default: '1' },
        'no-failure': { type: 'boolean', default: false },
        help: { type: 'boolean' },
      },
    });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}
