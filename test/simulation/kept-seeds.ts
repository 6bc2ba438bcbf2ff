import { appendFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { packageRoot } from '../../src/platform/package-root.js';

const path = join(packageRoot(), 'test', 'simulation', 'failing-seeds.txt');

/** Seeds that failed once, oldest first: they are played before any other. */
export async function keptSeeds(): Promise<number[]> {
  const lines = (await readFile(path, 'utf8')).split('\n');
  return lines.filter((line) => /^\d+\b/.test(line)).map((line) => Number.parseInt(line, 10));
}

/** Keeps a seed with what it broke; one that is kept already stays as it is. */
export async function keepSeed(seed: number, broken: string): Promise<void> {
  if ((await keptSeeds()).includes(seed)) return;
  await appendFile(path, `${seed} ${broken}\n`);
}
