import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { SchedulerRegistry } from '@nestjs/schedule';
import { Registry } from 'prom-client';
import { SystemClock } from '../../src/platform/clock.js';
import { logContext } from '../../src/platform/telemetry/log-context.js';
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

it('tries a step that comes by the hour again within seconds where it failed, and then leaves it', async () => {
  const process = runner();
  let runs = 0;
  process.start({
    name: 'hourly',
    intervalMs: 3_600_000,
    run: () => {
      runs += 1;
      return runs === 1 ? Promise.reject(new Error('no luck')) : Promise.resolve('idle');
    },
  });
  await until(() => runs === 2);
  await new Promise((resolve) => setTimeout(resolve, 2_500));
  await process.stop();
  expect(runs).toBe(2);
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

it('does not write its lease down at each of its ticks, and keeps it all the same', async () => {
  const [holder, other] = [runner(), runner()];
  let runs = 0;
  const stolen: string[] = [];
  const begun = await leaseOf('thrifty');
  expect(begun).toBeUndefined();
  holder.start(
    step('thrifty', () => {
      runs += 1;
      return Promise.resolve('idle');
    }),
  );
  await until(() => runs >= 5);
  const first = await leaseOf('thrifty');
  other.start(
    step('thrifty', () => {
      stolen.push('other');
      return Promise.resolve('idle');
    }),
  );
  await until(() => runs >= 15);
  expect(await leaseOf('thrifty')).toEqual(first);
  await until(() => runs >= 150);
  expect(((await leaseOf('thrifty'))?.expiresAt ?? 0) > (first?.expiresAt ?? 0)).toBe(true);
  expect(stolen).toEqual([]);
  await holder.stop();
  await other.stop();
});

it('begins what it was woken for by a lease that is about to be prolonged, and prolongs it beside', async () => {
  const process = runner();
  let runs = 0;
  process.start({
    name: 'woken',
    intervalMs: 3_600_000,
    run: () => {
      runs += 1;
      return Promise.resolve('idle');
    },
  });
  await until(() => runs === 1);
  const first = await leaseOf('woken');
  await new Promise((resolve) => setTimeout(resolve, 2_100));
  await test.database.transaction(async (transaction) => {
    await transaction.query(`SELECT FROM work_lease WHERE name = 'woken' FOR UPDATE`);
    process.wake.notify('woken');
    await until(() => runs === 2);
  });
  await process.stop();
  expect(await leaseOf('woken')).toBeUndefined();
  expect(first).toBeDefined();
});

it('takes its lease anew before it begins, once it was not prolonged for long', async () => {
  const process = runner();
  let runs = 0;
  process.start({
    name: 'rested',
    intervalMs: 3_600_000,
    run: () => {
      runs += 1;
      return Promise.resolve('idle');
    },
  });
  await until(() => runs === 1);
  await new Promise((resolve) => setTimeout(resolve, 4_100));
  await test.database.query(
    `UPDATE work_lease SET owner = 'another', expires_at = '2999-01-01' WHERE name = 'rested'`,
  );
  process.wake.notify('rested');
  await new Promise((resolve) => setTimeout(resolve, 500));
  await process.stop();
  expect(runs).toBe(1);
});

function leaseOf(name: string) {
  return test.database.queryOne<{ expiresAt: Date }>(
    'SELECT expires_at AS "expiresAt" FROM work_lease WHERE name = $1',
    [name],
  );
}

it('tells in its log lines which step it is, and what fails', async () => {
  const lines: unknown[] = [];
  Logger.overrideLogger({
    log: (line: unknown) => lines.push({ line, context: logContext() }),
    warn: () => undefined,
    error: (line: unknown) => lines.push({ line, context: logContext() }),
  });
  const process = runner();
  let runs = 0;
  process.start(
    step('telling', () => {
      runs += 1;
      return runs === 1 ? Promise.reject(new Error('no luck')) : Promise.resolve('idle');
    }),
  );
  await until(() => runs >= 3);
  await process.stop();
  const context = { step: 'telling' };
  expect(lines).toEqual([
    { line: { event: 'step-failing', step: 'telling' }, context },
    { line: { event: 'step-recovered', step: 'telling' }, context },
  ]);
});
