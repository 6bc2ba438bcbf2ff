import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { Registry } from 'prom-client';
import { AlertStore } from '../../src/alerting/alert.store.js';
import { AlertingMetrics } from '../../src/alerting/alerting.metrics.js';
import { AlertingRowMetrics } from '../../src/alerting/alerting-rows.metrics.js';
import { AlertingSettings } from '../../src/alerting/alerting.settings.js';
import { Notifiers } from '../../src/alerting/notifiers/notifiers.js';
import { PageDeliveryStep } from '../../src/alerting/page-delivery.step.js';
import { PageService } from '../../src/alerting/page.service.js';
import { PageStore } from '../../src/alerting/page.store.js';
import { ScrapedRows } from '../../src/platform/telemetry/scraped-rows.js';
import { Wake } from '../../src/platform/work/wake.js';
import { WorkQueues } from '../../src/platform/work/work-queues.js';
import { IncidentHarness, orders } from '../support/incident-harness.js';
import { PageReceiver } from '../support/page-receiver.js';

let bench: IncidentHarness;
let hook: PageReceiver;
let registry: Registry;
let step: PageDeliveryStep;
let close: () => void;

beforeAll(async () => {
  // attempts that fail are warnings in the log, and are meant here
  Logger.overrideLogger(false);
  bench = await IncidentHarness.create();
  hook = await PageReceiver.start();
  registry = new Registry();
  const { database } = bench.test;
  const settings = new AlertingSettings({
    receivers: [{ name: 'chat', webhook: { url: hook.url, secret: 'x'.repeat(16) } }],
  });
  const [alerts, pages] = [new AlertStore(), new PageStore()];
  const notifiers = new Notifiers(settings);
  close = () => notifiers.onModuleDestroy();
  const metrics = new AlertingMetrics(registry, settings);
  const scraped = new ScrapedRows(registry, database, bench.clock);
  const queues = new WorkQueues(registry, scraped);
  const { shops } = bench.parts;
  new AlertingRowMetrics(...([registry, scraped, queues, settings, shops, alerts, pages] as const));
  const service = new PageService(pages, settings, new Wake());
  step = new PageDeliveryStep(
    ...([database, pages, service, notifiers, settings, metrics, bench.clock] as const),
  );
});
afterAll(async () => {
  close();
  await hook.stop();
  await bench.close();
});

/** The lines about the receiver that are not zero, without what is the same in all of them. */
async function told(): Promise<string[]> {
  const text = await registry.metrics();
  return text
    .split('\n')
    .filter((line) => line.includes('receiver="chat"') && !line.endsWith(' 0'))
    .filter((line) => !line.includes('_bucket'))
    .map((line) => line.replace('reinstate_page_', '').replace('receiver="chat"', ''));
}

it('a page counts from the commit in the shop of what made its finding, through all attempts', async () => {
  const entries = await bench.cancel(orders('P', 6));
  const findingId = await bench.find('night', entries);
  // four seconds before anybody knew of it
  const committedAt = new Date(bench.clock.now().getTime() - 4_000);
  await bench.test.database.query('UPDATE finding SET committed_at = $2 WHERE id = $1', [
    findingId,
    committedAt,
  ]);
  await bench.run();
  expect(await told()).toEqual(['deliveries_pending{} 1']);

  hook.answers.push({ status: 500 });
  bench.clock.advance(1_000);
  await step.run(bench.context());
  bench.clock.advance(10_000);
  expect(await told()).toEqual([
    'deliveries_total{,notifier="webhook",outcome="receiver-error"} 1',
    'deliveries_pending{} 1',
    'deliveries_oldest_pending_seconds{} 11',
  ]);
  expect(await registry.metrics()).toContain('reinstate_queue_due{step="page-delivery"} 1\n');

  await step.run(bench.context());
  expect(hook.received).toHaveLength(2);
  expect(await told()).toEqual([
    'deliveries_total{,notifier="webhook",outcome="delivered"} 1',
    'deliveries_total{,notifier="webhook",outcome="receiver-error"} 1',
    'delivery_duration_seconds_sum{,notifier="webhook"} 11',
    'delivery_duration_seconds_count{,notifier="webhook"} 1',
    'delay_seconds_sum{,notifier="webhook"} 15',
    'delay_seconds_count{,notifier="webhook"} 1',
  ]);
});

it('a page that is refused is given up; a later one of the incident has no such delay', async () => {
  const { id } = await bench.incidentOf('night');
  const again = async () => {
    const { incidents } = bench.parts;
    await incidents.resolve(bench.caller, id, { reason: 'over', override: 'it is' });
    await incidents.reopen(bench.caller, id, 'it is not');
    await step.run(bench.context());
  };
  hook.answers.push({ status: 400 });
  await again();
  expect(await told()).toEqual(
    expect.arrayContaining([
      'deliveries_total{,notifier="webhook",outcome="rejected"} 1',
      'deliveries_total{,notifier="webhook",outcome="gave-up"} 1',
      'delivery_duration_seconds_count{,notifier="webhook"} 1',
    ]),
  );
  await again();
  expect(await told()).toEqual(
    expect.arrayContaining([
      'delivery_duration_seconds_count{,notifier="webhook"} 2',
      'delay_seconds_count{,notifier="webhook"} 1',
    ]),
  );
});
