import { parseArgs } from 'node:util';
import type { Size } from './figure.js';

export interface BenchOptions {
  /** names of the benches that are run; empty: all */
  readonly only: readonly string[];
  readonly size: Size;
}

/** What is wrong with the arguments, in words. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** The text of --help, with what there is to measure. */
export function usageOf(benches: readonly { name: string; title: string }[]): string {
  const width = Math.max(...benches.map(({ name }) => name.length));
  const lines = benches.map(({ name, title }) => `    ${name.padEnd(width)}  ${title}`);
  return `Usage: npm run bench -- [options]

  --only NAME,...  measures these alone:
${lines.join('\n')}
  --quick          small sizes and few repetitions: shows that it works, not how fast it is
  --help           this text

Each figure is measured on the built product (npm run build) in a process of its own, beside a
reference from the same run. The table goes to standard output, progress to standard error, and
all of it as JSON to bench/results/. Exit code: 0 where everything was measured, whatever came out;
1 where something could not be; 2 for a wrong argument; 130 after Ctrl-C.
`;
}

/** Reads the arguments; undefined when help is asked for. */
export function readOptions(
  args: readonly string[],
  known: readonly string[],
): BenchOptions | undefined {
  const values = parse(args);
  if (values.help) return undefined;
  const only = values.only.flatMap((names) => names.split(',')).map((name) => name.trim());
  const unknown = only.filter((name) => !known.includes(name));
  if (unknown.length > 0)
    throw new UsageError(`--only takes ${known.join(', ')}; not ${unknown.join(', ')}`);
  return { only, size: values.quick ? 'quick' : 'full' };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        only: { type: 'string', multiple: true, default: [] },
        quick: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}
