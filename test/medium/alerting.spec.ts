import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { Registry } from 'prom-client';
import { AlertStore } from '../../src/alerting/alert.store.js';
import { AlertingMetrics } from '../../src/alerting/alerting.metrics.js';
import { AlertingSettings } from '../../src/alerting/alerting.settings.js';
import { AlertingStep } from '../../src/alerting/alerting.step.js';
import { newId } from '../../src/platform/ids.js';
import { Wake } from '../../src/platform/work/wake.js';
import { insertShop } from '../support/order-events.js';
import { createReinstateDatabase, type ReinstateTestDatabase } from '../support/postgres.js';

let test: ReinstateTestDatabase;
let woken: number;
let step: AlertingStep;
let registry: Registry;
let now: Date;
const store = new AlertStore();
const settings = new AlertingSettings({
  receivers: [],
  publicUrl: 'https://reinstate.example/',
});

beforeAll(async () => {
  test = await createReinstateDatabase();
  await test.database.query(insertShop, ['shop']);
});
afterAll(() => test.drop());

beforeEach(() => {
  const wake = new Wake();
  woken = 0;
  wake.listen('incidents', () => (woken += 1));
  registry = new Registry();
  const metrics = new AlertingMetrics(registry, settings);
  step = new AlertingStep(test.database, store, settings, wake, metrics);
  now = new Date('2026-11-22T05:00:00Z');
});

const run = () => step.run({ now, signal: new AbortController().signal });
const untold = () => store.readUntold(test.database, { except: [], limit: 100 });

async function find(fingerprint: string, foundAt: string): Promise<string> {
  const id = newId();
  const measure = {
    slice: {},
    orders: 12,
    accounts: 12,
    money: { EUR: 100 },
    since: '2026-11-22T02:59:00.000Z',
    until: '2026-11-22T03:00:00.000Z',
    expected: 0.25,
    weeksPerChance: 900,
    rising: true,
    learntDays: 30,
  };
  await test.database.query(
    `INSERT INTO finding (id, shop_id, detector, fingerprint, state, slice, sentence, measure, first_event_at,
       last_event_at, found_at)
     VALUES ($1, 'shop', 'scan', $2, 'live', '{"channel": "web"}', '12 customers, 0.3 expected', $3, $4, $4, $4)`,
    [id, fingerprint, JSON.stringify(measure), foundAt],
  );
  return id;
}

async function change(findingId: string, set: string): Promise<void> {
  await test.database.query(`UPDATE finding SET version = version + 1, ${set} WHERE id = $1`, [
    findingId,
  ]);
}

const alertsOf = (findingId: string) =>
  test.database.query(
    'SELECT state, version, finding_version, labels, annotations, ends_at FROM alert WHERE finding_id = $1',
    [findingId],
  );

describe('the step alerting', () => {
  it('makes one alert of a finding, follows its versions, and resolves it when it closes', async () => {
    const id = await find('one', '2026-11-22T03:00:00Z');
    expect(await run()).toBe('idle');
    const [fired] = await alertsOf(id);
    expect(fired).toMatchObject({
      state: 'firing',
      version: 1,
      finding_version: 1,
      labels: { alertname: 'WrongfulCancellations', shop: 'shop', slice_channel: 'web' },
      annotations: {
        summary: '12 customers, 0.3 expected',
        runbook_url: 'https://reinstate.example/api/v1/runbooks/WrongfulCancellations',
      },
    });
    await change(id, `sentence = '40 customers'`);
    await run();
    await change(id, `state = 'closed', closed_at = '2026-11-22T04:00:00Z'`);
    await run();
    expect(await alertsOf(id)).toMatchObject([
      {
        state: 'resolved',
        version: 3,
        finding_version: 3,
        annotations: { summary: '40 customers' },
        ends_at: new Date('2026-11-22T04:00:00Z'),
      },
    ]);
    expect(woken).toBe(3);
  });

  it('says nothing twice: without news no alert changes and nobody is woken', async () => {
    const id = await find('quiet', '2026-11-22T03:00:00Z');
    await run();
    const before = await alertsOf(id);
    woken = 0;
    await run();
    expect(await alertsOf(id)).toEqual(before);
    expect(woken).toBe(0);
  });

  it('two processes at once make one alert', async () => {
    const id = await find('race', '2026-11-22T03:00:00Z');
    await Promise.all([run(), run(), run()]);
    expect(await alertsOf(id)).toMatchObject([{ state: 'firing', version: 1 }]);
  });

  it('a finding that closed while nobody looked is told, and its successor fires', async () => {
    const first = await find('again', '2026-11-22T03:00:00Z');
    await run();
    await change(first, `state = 'closed', closed_at = '2026-11-22T03:30:00Z'`);
    const second = await find('again', '2026-11-22T03:40:00Z');
    await run();
    expect(await alertsOf(first)).toMatchObject([{ state: 'resolved' }]);
    expect(await alertsOf(second)).toMatchObject([{ state: 'firing' }]);
  });

  it('the database takes only one firing alert per fingerprint', async () => {
    const first = await find('unique', '2026-11-22T03:00:00Z');
    await run();
    await change(first, `state = 'closed', closed_at = '2026-11-22T03:30:00Z'`);
    const second = await find('unique', '2026-11-22T03:40:00Z');
    const alert = (await untold()).find(({ id }) => id === second)!.read();
    const content = {
      ...(
        await store.list(test.database, { shopId: null, state: null, before: null, limit: 1 })
      )[0]!,
      findingId: second,
      findingVersion: alert.version,
      fingerprint: alert.fingerprint,
      state: 'firing' as const,
      endsAt: null,
    };
    await expect(store.tell(test.database, newId(), content)).rejects.toThrow('alert_firing');
    await run();
  });

  it('a finding that makes no sense keeps no other waiting; it is counted, rests, and is told once mended', async () => {
    Logger.overrideLogger(false);
    const broken = await find('broken', '2026-11-22T02:00:00Z');
    const measure = await test.database.queryOne<{ measure: unknown }>(
      'SELECT measure FROM finding WHERE id = $1',
      [broken],
    );
    await change(broken, `measure = '{"orders": "many"}'`);
    const sound = await find('sound', '2026-11-22T03:00:00Z');
    expect(await run()).toBe('idle');
    expect(await alertsOf(broken)).toEqual([]);
    expect(await alertsOf(sound)).toMatchObject([{ state: 'firing' }]);
    const failed = 'reinstate_alerting_failures_total{row="finding"}';
    expect(await registry.metrics()).toContain(`${failed} 1`);
    // it rests for a second: it is not tried again, and does not stand in the way of the batch
    await run();
    expect(await registry.metrics()).toContain(`${failed} 1`);
    await test.database.query('UPDATE finding SET measure = $2 WHERE id = $1', [
      broken,
      JSON.stringify(measure!.measure),
    ]);
    await run();
    expect(await alertsOf(broken)).toEqual([]);
    now = new Date(now.getTime() + 1_000);
    await run();
    expect(await alertsOf(broken)).toMatchObject([{ state: 'firing' }]);
  });
});
