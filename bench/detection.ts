import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { CancellationScan } from '../src/detection/detectors/cancellation-scan.js';
import { speakProtocol } from './detection-protocol.js';

/**
 * Measures the detector on streams of orders with injected failures, by the runner that lies beside
 * them (`run.py`, which needs Python with numpy). The streams are not part of this repository.
 */
const { values: options } = parseArgs({
  options: {
    data: { type: 'string', default: '../shared/detection' },
    split: { type: 'string', default: 'dev' },
    streams: { type: 'string', default: '' },
    weeks: { type: 'string', default: '20' },
    python: { type: 'string', default: 'python3' },
    /** be the detector, on stdin and stdout */
    protocol: { type: 'boolean', default: false },
  },
});

interface Figures {
  n: number;
  recall: number;
  fa: number;
  weeks: number;
  fa_per_week: number;
  orders: number | null;
  loc_exact?: number;
  loc_f1?: number;
  by_shape: Record<string, number>;
  perf?: { events: number; p50_ms: number; p99_ms: number; max_ms: number };
}

if (options.protocol) {
  await speakProtocol(new CancellationScan({ weeksPerFalsePage: Number(options.weeks) }));
} else if (existsSync(`${options.data}/run.py`)) {
  process.exitCode = await measure();
} else {
  console.error(
    `The streams of orders are missing: there is no ${options.data}/run.py. ` +
      'They are not part of this repository; name their folder with --data.',
  );
  process.exitCode = 2;
}

async function measure(): Promise<number> {
  const { data, split, streams, weeks, python } = options;
  const self = [process.execPath, fileURLToPath(import.meta.url), '--protocol', '--weeks', weeks];
  const only = streams === '' ? [] : ['--streams', streams];
  const call = [`${data}/run.py`, data, split, '--lockstep', '1', ...only, '--', ...self];
  console.log(`One event at a time, at most one false page in ${weeks} weeks asked for.`);
  const runner = spawn(python, call, { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise<number>((resolve, reject) => {
    runner.once('error', reject);
    runner.once('close', (code) => {
      resolve(code ?? 1);
    });
  });
  for await (const line of createInterface({ input: runner.stdout })) print(line);
  return ended;
}

/** The runner's line `NAME {figures}` in words. */
function print(line: string): void {
  const brace = line.indexOf('{');
  const name = line.slice(0, brace).trim();
  const figures = JSON.parse(line.slice(brace)) as Figures;
  const { fa, weeks, fa_per_week: rate, recall, n, orders, perf } = figures;
  console.log(`\n${name === 'POOLED' ? 'all together' : name}`);
  console.log(`  false alerts per shop-week  ${rate.toFixed(3)} (${fa} in ${weeks} weeks)`);
  console.log(`  episodes found              ${recall.toFixed(2)} of ${n}`);
  for (const [shape, share] of Object.entries(figures.by_shape)) {
    console.log(`    ${shape.padEnd(26)}${share.toFixed(2)}`);
  }
  console.log(`  wrong orders until found    ${orders ?? '-'} (median)`);
  if (figures.loc_exact !== undefined && figures.loc_f1 !== undefined) {
    console.log(`  segment named exactly, F1   ${figures.loc_exact}, ${figures.loc_f1}`);
  }
  if (perf === undefined) return;
  console.log(`  decision p50, p99, worst    ${perf.p50_ms}, ${perf.p99_ms}, ${perf.max_ms} ms`);
}
