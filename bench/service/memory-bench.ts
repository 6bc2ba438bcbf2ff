import { readFile } from 'node:fs/promises';
import { pause, until } from '../../demo/story/waiting.js';
import type { Bench, BenchContext, Samples } from '../figure.js';
import { House } from '../setting/house.js';
import { startBareApp } from './bare-app.js';
import { fillJournal } from './fill.js';

const sizes = {
  full: { entries: 1_000_000, looks: 5 },
  quick: { entries: 20_000, looks: 2 },
};
const shopId = 'told';
/** Before it, a process still holds what its start has left behind. */
const restMs = 5_000;
const betweenLooksMs = 1_000;
const patienceMs = 900_000;

const reference = 'a Nest app on Fastify with one route';

/** Resident memory of the process, as the system counts it. */
export const memoryBench: Bench = {
  name: 'memory',
  title: 'Memory of the process at rest, and after a million journal entries',
  figures: [
    {
      name: 'memory-at-rest',
      title: 'resident memory at rest',
      unit: 'MB',
      better: 'less',
      reference,
      aims: [{ of: 'value', words: 'none set' }],
    },
    {
      name: 'memory-after-million',
      title: 'resident memory once detection has read 1,000,000 entries',
      unit: 'MB',
      better: 'less',
      reference,
      aims: [{ of: 'value', words: 'none set' }],
    },
  ],
  run: measure,
};

async function measure(context: BenchContext): Promise<Map<string, Samples>> {
  const { entries, looks } = sizes[context.size];
  const { say, endings } = context;
  const house = await House.build(context, { shops: [{ id: shopId, name: 'Told shop' }] });
  await house.start();
  const app = await startBareApp(endings);
  const look = async (): Promise<Samples> => {
    const samples = { measured: [] as number[], reference: [] as number[] };
    for (let seen = 0; seen < looks; seen += 1) {
      await pause(betweenLooksMs);
      samples.measured.push(await megabytesOf(house.pid));
      samples.reference.push(await megabytesOf(app.pid));
    }
    return samples;
  };
  await pause(restMs);
  const atRest = await look();
  say(`at rest ${Math.round(atRest.measured[0] ?? 0)} MB; ${entries} entries are written`);
  await fillJournal(house, { shopId, entries });
  say('detection reads them');
  const hasReadAll = async () => {
    const [row] = await house.query<{ all: boolean }>(
      `SELECT d.position >= s.journal_head AS all FROM shop s JOIN detector_state d ON d.shop_id = s.id WHERE s.id = $1`,
      [shopId],
    );
    return row?.all === true || undefined;
  };
  await until('detection to have read all', hasReadAll, { timeoutMs: patienceMs, everyMs: 500 });
  return new Map([
    ['memory-at-rest', atRest],
    ['memory-after-million', await look()],
  ]);
}

/** Resident set of a process of this machine, in megabytes (10^6). */
async function megabytesOf(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const kibibytes = Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]);
  if (!Number.isFinite(kibibytes)) throw new Error(`no resident memory is told of process ${pid}`);
  return (kibibytes * 1024) / 1e6;
}
