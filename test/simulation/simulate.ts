import globalSetup from '../support/global-setup.js';
import globalTeardown from '../support/global-teardown.js';
import { Crew } from './crew.js';
import { keepSeed, keptSeeds } from './kept-seeds.js';
import { readOptions, usage, UsageError, type Options } from './options.js';
import type { Report } from './worker.js';

/** How often it says how far it is, where all is well. */
const progressMs = 15_000;
/** Of a trace that fails, the end. */
const linesMax = 400;

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** How all seeds went together. */
class Tally {
  played = 0;
  failed: number[] = [];
  writes = 0;
  steps = 0;
  private readonly startedAt = performance.now();
  private saidAt = performance.now();

  constructor(private readonly options: Options) {}

  async take(report: Report): Promise<void> {
    this.played += 1;
    if ('broke' in report) {
      this.failed.push(report.seed);
      say(`seed ${report.seed} could not be played: ${report.broke}`);
      return;
    }
    const { result } = report;
    this.writes += result.writes;
    this.steps += result.steps;
    if (result.fault !== undefined) await this.fail(report.seed, result);
    else if (this.options.seed !== undefined) tellTrace(result.lines, result.hash);
    this.sayProgress();
  }

  get words(): string {
    const seconds = (performance.now() - this.startedAt) / 1000;
    const rate = Math.round((this.played / seconds) * 60);
    return `${this.played} seeds in ${seconds.toFixed(0)} s (${rate} a minute), ${this.steps} steps, ${this.writes} restores and undos written, ${this.failed.length} failed`;
  }

  private async fail(
    seed: number,
    { fault, lines, hash, left }: Extract<Report, { result: unknown }>['result'],
  ): Promise<void> {
    if (fault === undefined) return;
    this.failed.push(seed);
    tellTrace(lines, hash);
    say(
      `seed ${seed} broke "${fault.checker}" (the shortest way found has ${left?.length ?? 0} steps, above):`,
    );
    for (const found of fault.found) say(`  ${found}`);
    say(`  again: npm run simulate -- --seed ${seed}`);
    await keepSeed(seed, fault.checker).catch((error: unknown) => {
      say(`  it could not be kept (${String(error)}): add it to test/simulation/failing-seeds.txt`);
    });
  }

  private sayProgress(): void {
    if (performance.now() - this.saidAt < progressMs) return;
    this.saidAt = performance.now();
    say(this.words);
  }
}

function tellTrace(lines: readonly string[], hash: string): void {
  if (lines.length > linesMax) say(`... ${lines.length - linesMax} lines before`);
  for (const line of lines.slice(-linesMax)) say(line);
  say(`trace ${hash}`);
}

/** The seeds in their order: those that failed once, then new ones while there is time. */
function seedsOf(options: Options, kept: readonly number[]): () => number | undefined {
  if (options.seed !== undefined) return iterated([options.seed]);
  const endsAt = performance.now() + options.minutes * 60_000;
  const next = iterated(kept);
  let count = 0;
  return () => {
    const old = next();
    if (old !== undefined) return old;
    if (count >= options.seeds || performance.now() >= endsAt) return undefined;
    count += 1;
    return options.from + count - 1;
  };
}

function iterated(list: readonly number[]): () => number | undefined {
  const all = list.values();
  return () => all.next().value;
}

async function simulate(options: Options, crew: Crew): Promise<number> {
  const kept = options.seed === undefined ? await keptSeeds() : [];
  if (options.seed === undefined)
    say(
      `seeds from ${options.from} on (again: --from ${options.from}), after ${kept.length} that failed once`,
    );
  const tally = new Tally(options);
  const told = (report: Report) => (crew.isOver ? Promise.resolve() : tally.take(report));
  await crew.play(options.workers, { next: seedsOf(options, kept), told });
  say(tally.words);
  for (const seed of tally.failed) say(`  failed: ${seed}`);
  return tally.failed.length === 0 ? 0 : 1;
}

async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2));
  if (options.help) {
    say(usage);
    return 0;
  }
  const crew = new Crew();
  const interrupted = new Promise<number>((resolve) => {
    process.once('SIGINT', () => resolve(130));
    process.once('SIGTERM', () => resolve(143));
  });
  try {
    await globalSetup();
    return await Promise.race([simulate(options, crew), interrupted]);
  } finally {
    crew.end();
    await globalTeardown();
  }
}

process.exit(
  await main().catch((error: unknown) => {
    const isUsage = error instanceof UsageError;
    const told = error instanceof Error ? (error.stack ?? error.message) : String(error);
    process.stderr.write(isUsage ? `${error.message}\n\n${usage}` : `${told}\n`);
    return isUsage ? 2 : 1;
  }),
);
