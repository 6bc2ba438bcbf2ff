import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { cpus, totalmem } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { Interrupted, unlessAborted } from '../demo/story/interruption.js';
import { runSchema, type Bench, type BenchRun, type Result, type Size } from './figure.js';
import { resultOf } from './judge.js';
import { Endings } from './setting/endings.js';

interface Wish {
  readonly size: Size;
  readonly signal: AbortSignal;
}

/** Runs one bench after the other; one that fails is told, and keeps no other from being measured. */
export async function measureAll(
  benches: readonly Bench[],
  wish: Wish,
): Promise<Omit<BenchRun, 'machine'>> {
  const begun = new Date();
  const results: Result[] = [];
  const failed: BenchRun['failed'] = [];
  for (const bench of benches) {
    if (wish.signal.aborted) break;
    try {
      results.push(...(await measure(bench, wish)));
    } catch (error) {
      if (error instanceof Interrupted) break;
      const why = error instanceof Error ? (error.stack ?? error.message) : String(error);
      failed.push({ bench: bench.name, why });
    }
  }
  const seconds = (Date.now() - begun.getTime()) / 1000;
  return { startedAt: begun.toISOString(), seconds, size: wish.size, failed, results };
}

/** In a directory of its own; what it started is ended, however it ends. Its logs stay where it failed. */
async function measure(bench: Bench, { size, signal }: Wish): Promise<Result[]> {
  const directory = resolve('.data', `bench-${process.pid}-${bench.name}`);
  await mkdir(directory, { recursive: true });
  const begun = performance.now();
  const say = (line: string): void => {
    const seconds = ((performance.now() - begun) / 1000).toFixed(0).padStart(4);
    console.error(`${bench.name.padEnd(12)}${seconds} s  ${line}`);
  };
  say(bench.title);
  const endings = new Endings();
  let keepLogs = true;
  try {
    const measuring = bench.run({ size, directory, signal, say, endings });
    const samples = await unlessAborted(measuring, signal);
    keepLogs = false;
    return bench.figures.map((figure) => {
      const given = samples.get(figure.name);
      if (given === undefined) throw new Error(`${bench.name} gave no ${figure.name}`);
      return resultOf(bench.name, figure, given);
    });
  } finally {
    await endings.run();
    keepLogs &&= !signal.aborted;
    await clear(directory, keepLogs);
    if (keepLogs) say(`its logs are in ${relative('.', directory)}`);
  }
}

async function clear(directory: string, keepLogs: boolean): Promise<void> {
  const names = keepLogs ? await readdir(directory) : ['.'];
  const gone = names.filter((name) => !name.endsWith('.log'));
  for (const name of gone) await rm(join(directory, name), { recursive: true, force: true });
}

/** What the figures were measured on. */
export function machine(loadAtStart: number): BenchRun['machine'] {
  return {
    processors: cpus().length,
    memoryGb: Math.round(totalmem() / 1e8) / 10,
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    loadAtStart: Math.round(loadAtStart * 100) / 100,
  };
}

/** Writes the run down as JSON, under the moment at which it began, and says where. */
export async function keepRun(run: BenchRun): Promise<string> {
  const folder = join('bench', 'results');
  await mkdir(folder, { recursive: true });
  const file = join(folder, `${run.startedAt.replaceAll(':', '-').replace(/\..*/, '')}.json`);
  await writeFile(file, `${JSON.stringify(runSchema.parse(run), null, 2)}\n`);
  return file;
}
