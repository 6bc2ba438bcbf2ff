import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { SchedulerRegistry } from '@nestjs/schedule';
import { Registry } from 'prom-client';
import { SystemClock } from '../../src/platform/clock.js';
import type { BackgroundStep, StepContext } from '../../src/platform/work/background-step.js';
import { LeaseStore } from '../../src/platform/work/lease.store.js';
import { StepMetrics } from '../../src/platform/work/step.metrics.js';
import { StepRunner } from '../../src/platform/work/step-runner.js';
import { Wake } from '../../src/platform/work/wake.js';
import { createReinstateDatabase, type ReinstateTestDatabase } from '../support/postgres.js';

let test: ReinstateTestDatabase;

beforeAll(async () => {
  test = await createReinstateDatabase();
});
afterAll(() => test.drop());

function runner() {
  const wake = new Wake();
  const registry = new Registry();
  const made = new StepRunner(
    new LeaseStore(test.database),
    new SystemClock(),
    wake,
    new StepMetrics(registry),
    new SchedulerRegistry(),
  );
  return {
    wake,
    registry,
    start: (step: BackgroundStep) => made.start([step]),
    stop: () => made.stop(),
  };
}

function step(
  name: string,
  run: (context: StepContext) => Promise<'idle' | 'more'>,
): BackgroundStep {
  return { name, intervalMs: 20, run };
}

async function until(holds: () => boolean): Promise<void> {
  for (let waited = 0; waited < 15_000 && !holds(); waited += 10) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  expect(holds()).toBe(true);
}

it('runs a step again and again, also after it failed, and counts both', async () => {
  const process = runner();
  let runs = 0;
  process.start(
    step('failing', () => {
      runs += 1;
      return runs % 2 === 0 ? Promise.resolve('idle') : Promise.reject(new Error('no luck'));
    }),
  );
  await until(() => runs >= 4);
  await process.stop();
  const metrics = await process.registry.metrics();
  expect(metrics).toMatch(/reinstate_step_runs_total\{step="failing",outcome="failed"\} [2-9]/);
  expect(metrics).toMatch(/reinstate_step_runs_total\{step="failing",outcome="ok"\} [2-9]/);
});

it('lets one process at a time do a step, and the next one at once when the first has stopped', async () => {
  const [first, second] = [runner(), runner()];
  const did: string[] = [];
  const as = (who: string) =>
    step('alone', () => {
      did.push(who);
      return Promise.resolve('idle');
    });
  first.start(as('first'));
  await until(() => did.length >= 2);
  second.start(as('second'));
  await until(() => did.length >= 8);
  expect(did).not.toContain('second');
  await first.stop();
  await until(() => did.includes('second'));
  await second.stop();
});

it('tells a batch to leave off when its lease went to another', async () => {
  const process = runner();
  let told = false;
  let began = false;
  process.start(
    step('robbed', ({ signal }) => {
      began = true;
      return new Promise((resolve) => {
        signal.addEventListener('abort', () => {
          told = true;
          resolve('idle');
        });
      });
    }),
  );
  await until(() => began);
  await test.database.query(
    `UPDATE work_lease SET owner = 'thief', expires_at = '2999-01-01' WHERE name = 'robbed'`,
  );
  await until(() => told);
  await process.stop();
});
