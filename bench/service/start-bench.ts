import { pause } from '../../demo/story/waiting.js';
import type { Bench, BenchContext, Samples } from '../figure.js';
import { House } from '../setting/house.js';
import { startBareApp } from './bare-app.js';

const repetitions = { full: 7, quick: 2 };

/** From the start of the process to a good answer of /health/ready, on a database that is migrated already. */
export const startBench: Bench = {
  name: 'start',
  title: 'Start of the process until it is ready',
  figures: [
    {
      name: 'start-ready',
      title: 'start to ready',
      unit: 's',
      better: 'less',
      reference: 'a Nest app on Fastify with one route',
      aims: [{ of: 'value', words: 'none set' }],
    },
  ],
  run: measure,
};

async function measure(context: BenchContext): Promise<Map<string, Samples>> {
  const house = await House.build(context, { shops: [] });
  // the first start migrates
  await house.start();
  await house.stop();
  const measured: number[] = [];
  const reference: number[] = [];
  for (let repetition = 0; repetition < repetitions[context.size]; repetition += 1) {
    measured.push(
      await timed(async () => {
        let url = '';
        const started = house.start((listening) => (url = listening));
        while (url === '') await pause(2);
        await ready(url);
        return async () => {
          await started;
          await house.stop();
        };
      }),
    );
    reference.push(
      await timed(async () => {
        const app = await startBareApp(context.endings);
        await ready(app.url);
        return () => app.end();
      }),
    );
    context.say(`${measured.at(-1)?.toFixed(2)} s, bare ${reference.at(-1)?.toFixed(2)} s`);
  }
  return new Map([['start-ready', { measured, reference }]]);
}

/** Seconds of a start; what it gives ends it, outside of the time that is measured. */
async function timed(start: () => Promise<() => Promise<void>>): Promise<number> {
  const begun = performance.now();
  const end = await start();
  const seconds = (performance.now() - begun) / 1000;
  await end();
  return seconds;
}

async function ready(url: string): Promise<void> {
  while (!(await fetch(`${url}/health/ready`)).ok) await pause(2);
}
