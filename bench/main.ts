import { loadavg } from 'node:os';
import { interruption, Interrupted } from '../demo/story/interruption.js';
import { benches } from './catalogue.js';
import { readOptions, usageOf, UsageError } from './options.js';
import { tableOf } from './report.js';
import { keepRun, machine, measureAll } from './run.js';

const exitCodes = { measured: 0, failed: 1, usage: 2, interrupted: 130 } as const;

async function main(): Promise<number> {
  const signal = interruption();
  const loadAtStart = loadavg()[0] ?? 0;
  const names = benches.map(({ name }) => name);
  const options = readOptions(process.argv.slice(2), names);
  if (options === undefined) {
    console.log(usageOf(benches));
    return exitCodes.measured;
  }
  const { only, size } = options;
  const chosen = benches.filter(({ name }) => only.length === 0 || only.includes(name));
  const measured = await measureAll(chosen, { size, signal });
  if (signal.aborted) return exitCodes.interrupted;
  const run = { ...measured, machine: machine(loadAtStart) };
  if (run.results.length > 0) console.log(`\n${tableOf(run)}\n`);
  console.error(`as JSON: ${await keepRun(run)}`);
  for (const { bench, why } of run.failed) console.error(`${bench} could not be measured: ${why}`);
  return run.failed.length === 0 ? exitCodes.measured : exitCodes.failed;
}

function codeOf(error: unknown): number {
  if (error instanceof Interrupted) return exitCodes.interrupted;
  if (!(error instanceof UsageError)) {
    console.error(error);
    return exitCodes.failed;
  }
  console.error(`${error.message}\n\n${usageOf(benches)}`);
  return exitCodes.usage;
}

process.exit(await main().catch(codeOf));
