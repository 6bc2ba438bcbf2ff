import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { SchedulerRegistry } from '@nestjs/schedule';
import { Registry } from 'prom-client';
import { AlertingMetrics } from '../../src/alerting/alerting.metrics.js';
import { AlertingSettings } from '../../src/alerting/alerting.settings.js';
import { Notifiers } from '../../src/alerting/notifiers/notifiers.js';
import { PageDeliveryStep } from '../../src/alerting/page-delivery.step.js';
import { PageService } from '../../src/alerting/page.service.js';
import { PageStore } from '../../src/alerting/page.store.js';
import { SystemClock } from '../../src/platform/clock.js';
import { newId } from '../../src/platform/ids.js';
import { Log } from '../../src/platform/telemetry/log.js';
import { createLog, NestLog } from '../../src/platform/telemetry/logger.js';
import { startTracing } from '../../src/platform/telemetry/tracing/tracing.js';
import type { BackgroundStep } from '../../src/platform/work/background-step.js';
import { LeaseStore } from '../../src/platform/work/lease.store.js';
import { StepMetrics } from '../../src/platform/work/step.metrics.js';
import { StepRunner } from '../../src/platform/work/step-runner.js';
import { Wake } from '../../src/platform/work/wake.js';
import { LogLines } from '../support/log-lines.js';
import { PageReceiver } from '../support/page-receiver.js';
import { createReinstateDatabase, type ReinstateTestDatabase } from '../support/postgres.js';
import { TraceCollector } from '../support/trace-collector.js';

const words = '12 paid orders (EUR 1,234.50) cancelled by the job “unpaid-orders”';
const clock = new SystemClock();
let test: ReinstateTestDatabase;
let hook: PageReceiver;
let collector: TraceCollector;
let tracing: Awaited<ReturnType<typeof startTracing>>;
let log: LogLines;
let runner: StepRunner;

beforeAll(async () => {
  test = await createReinstateDatabase();
  hook = await PageReceiver.start();
});
afterAll(async () => {
  await hook.stop();
  await test.drop();
});
beforeEach(async () => {
  log = new LogLines();
  Logger.overrideLogger(new NestLog(createLog('info', log)));
  collector = await TraceCollector.start();
  tracing = await startTracing({ endpoint: collector.url, sampleRatio: 1, version: '0' });
  const metrics = new StepMetrics(new Registry());
  runner = new StepRunner(
    ...([
      new LeaseStore(test.database),
      clock,
      new Wake(),
      metrics,
      new SchedulerRegistry(),
    ] as const),
  );
});
afterEach(async () => {
  await runner.stop();
  await tracing?.stop();
  await collector.stop();
});

function step(name: string, run: BackgroundStep['run']): BackgroundStep {
  return { name, intervalMs: 20, run };
}

it('a step that delivers a page is told with it, and with what came of it', async () => {
  const store = new PageStore();
  const settings = new AlertingSettings({
    receivers: [{ name: 'chat', webhook: { url: hook.url, secret: 'x'.repeat(16) } }],
  });
  const notifiers = new Notifiers(settings);
  const metrics = new AlertingMetrics(new Registry(), settings);
  const pages = new PageService(store, settings, new Wake());
  const incidentId = newId();
  hook.answers.push({ status: 400 });
  await test.database.transaction((transaction) =>
    pages.enqueue(transaction, {
      ...{ dedupeKey: 'a', incidentId, firstLine: words, now: clock.now() },
      body: { kind: 'incident-opened', severity: 'high', details: [], data: {} },
    }),
  );
  runner.start([
    new PageDeliveryStep(
      ...([test.database, store, pages, notifiers, settings, metrics, clock] as const),
    ),
  ]);
  const refused = await collector.has('deliver page');
  notifiers.onModuleDestroy();
  expect(refused).toMatchObject({
    kind: 3,
    status: { code: 2 },
    attributes: {
      'reinstate.receiver': 'chat',
      'reinstate.incident.id': incidentId,
      'reinstate.page.attempt': 1,
      'error.type': expect.stringMatching(/^[a-z0-9-]+$/),
    },
  });
  const around = await collector.has(
    'step page-delivery',
    ({ spanId }) => spanId === refused.parentSpanId,
  );
  expect(around.attributes['reinstate.step']).toBe('page-delivery');
  expect(collector.raw).not.toContain('unpaid-orders');
  const [line] = log.all.filter(({ receiver }) => receiver === 'chat');
  expect(line?.['trace_id']).toBe(around.traceId);
});

it('a step that finds nothing to do is not told; one that fails is, without what the error says', async () => {
  let [runs, turns] = [0, 0];
  const told = new Log('Test');
  runner.start([
    step('idle', () => Promise.resolve('idle')),
    step('failing', () => {
      runs += 1;
      told.info({ event: 'tried' }, 'tried');
      return runs === 3 ? Promise.reject(new RangeError(words)) : Promise.resolve('idle');
    }),
    step('busy', () => Promise.resolve((turns += 1) === 1 ? 'more' : 'idle')),
  ]);
  const span = await collector.has('step failing');
  expect(span).toMatchObject({ status: { code: 2 }, attributes: { 'error.type': 'RangeError' } });
  expect(log.of('tried').map((line) => line['trace_id'])).toContain(span.traceId);
  await collector.has('step busy');
  await runner.stop();
  await tracing?.stop();
  expect(collector.named('step idle')).toEqual([]);
  expect(collector.named('step failing')).toHaveLength(1);
  expect(collector.named('step busy')).toHaveLength(1);
  expect(collector.raw).not.toContain('unpaid-orders');
});
