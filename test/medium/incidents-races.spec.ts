import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { PageStore } from '../../src/alerting/page.store.js';
import { IncidentHarness, orders } from '../support/incident-harness.js';
import { withClient } from '../support/postgres.js';

const job = { actorKind: 'job', actor: 'unpaid-orders', reason: 'payment not received' } as const;

let bench: IncidentHarness;
beforeAll(async () => {
  // a test makes a row fail: that is an error in the log, and meant
  Logger.overrideLogger(false);
  bench = await IncidentHarness.create();
});
afterAll(() => bench.close());

describe('cases that come while a person resolves', () => {
  it('are never lost in a resolved incident', async () => {
    for (let round = 0; round < 4; round += 1) {
      const fingerprint = `resolve race ${round}`;
      const findingId = await bench.find(
        fingerprint,
        await bench.cancel(orders(`r${round}-`, 6, job)),
      );
      await bench.run();
      const { id } = await bench.incidentOf(fingerprint);
      const more = await bench.cancel(orders(`s${round}-`, 6, job));
      await bench.refind(findingId, more, { orders: 12 });
      await bench.runAlerting();
      await Promise.all([
        bench.parts.incidents.resolve(bench.caller, id, { reason: 'x', override: 'x' }),
        bench.parts.step.run(bench.context()),
        bench.parts.step.run(bench.context()),
      ]);
      await bench.runIncidents();
      const incident = await bench.incidentOf(fingerprint);
      const states = (await bench.cases(id)).map(({ state }) => state);
      expect(states).toHaveLength(12);
      // either they came first and were closed with the rest, or they opened it again
      const expected = incident.status === 'resolved' ? 'closed' : 'open';
      expect(new Set(states)).toEqual(new Set([expected]));
      const timeline = await bench.timeline(id);
      expect(timeline.map(({ position }) => position)).toEqual(timeline.map((_, n) => n + 1));
      const reopened = timeline.filter(({ type }) => type === 'incident-reopened');
      expect(reopened).toHaveLength(incident.status === 'resolved' ? 0 : 1);
    }
  });
});

describe('reopening', () => {
  it('by two persons at once is done once', async () => {
    await bench.find('reopen race', await bench.cancel(orders('t', 6, job)));
    await bench.run();
    const { id } = await bench.incidentOf('reopen race');
    await bench.parts.incidents.resolve(bench.caller, id, { reason: 'x', override: 'x' });
    const tries = await Promise.allSettled([
      bench.parts.incidents.reopen(bench.caller, id, 'one'),
      bench.parts.incidents.reopen(bench.colleague, id, 'other'),
    ]);
    expect(tries.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    const types = (await bench.timeline(id)).map(({ type }) => type);
    expect(types.filter((type) => type === 'incident-reopened')).toHaveLength(1);
    const reopened = (await bench.pages(id)).filter(({ kind }) => kind === 'incident-reopened');
    expect(reopened).toHaveLength(1);
  });

  it('while a new alert of the same failure comes leaves one incident open', async () => {
    for (let round = 0; round < 4; round += 1) {
      const fingerprint = `reopen or open ${round}`;
      const first = await bench.find(fingerprint, await bench.cancel(orders(`u${round}-`, 6, job)));
      await bench.run();
      const { id } = await bench.incidentOf(fingerprint);
      await bench.refind(first, [], { orders: 6, closed: true });
      await bench.run();
      await bench.parts.incidents.resolve(bench.caller, id, { reason: 'x', override: null });
      await bench.find(fingerprint, await bench.cancel(orders(`v${round}-`, 6, job)));
      await bench.runAlerting();
      await Promise.allSettled([
        bench.parts.incidents.reopen(bench.caller, id, 'it goes on'),
        bench.parts.step.run(bench.context()),
      ]);
      bench.clock.advance(1_000);
      await bench.runIncidents();
      const open = (await bench.incidents()).filter(
        (one) => one.fingerprint === fingerprint && one.status !== 'resolved',
      );
      expect(open).toHaveLength(1);
    }
  });
});

describe('pages of an incident', () => {
  it('stand on its timeline once they have arrived, or never will', async () => {
    await bench.find('paged', await bench.cancel(orders('w', 6, job)));
    await bench.run();
    const { id } = await bench.incidentOf('paged');
    const { database } = bench.test;
    const store = new PageStore();
    const claim = async () => {
      const now = bench.clock.now();
      const lease = { now, leaseEndsAt: new Date(now.getTime() + 60_000), limit: 100 };
      return (await store.claim(database, lease)).find(({ incidentId }) => incidentId === id)!;
    };
    await bench.parts.pagesStep.run(bench.context());
    const delivery = await claim();
    await store.record(database, delivery, {
      state: 'failed',
      error: 'rejected: HTTP 404',
    });
    await bench.parts.incidents.resolve(bench.caller, id, { reason: 'x', override: 'x' });
    await bench.parts.incidents.reopen(bench.caller, id, 'again');
    const again = await claim();
    await store.record(database, again, {
      state: 'delivered',
      at: bench.clock.now(),
      note: null,
    });
    await Promise.all([1, 2, 3].map(() => bench.parts.pagesStep.run(bench.context())));
    await bench.parts.pagesStep.run(bench.context());
    const told = (await bench.timeline(id)).filter(({ type }) => type.startsWith('page-'));
    expect(told.map(({ type, data }) => [type, data]).sort()).toEqual([
      [
        'page-delivered',
        {
          ...{ pageId: again.pageId, kind: 'incident-reopened', receiver: 'chat', attempts: 1 },
          deliveredAt: bench.clock.now().toISOString(),
        },
      ],
      [
        'page-lost',
        {
          ...{ pageId: delivery.pageId, kind: 'incident-opened', receiver: 'chat', attempts: 1 },
          words: 'rejected: HTTP 404',
        },
      ],
    ]);
  });
});

describe('one alert that cannot be taken', () => {
  it('keeps no other alert and no other incident waiting, and is counted', async () => {
    const other = { ...job, actor: 'expired-carts' };
    await bench.find('bad', await bench.cancel(orders('x', 6, other)));
    await bench.find('good', await bench.cancel(orders('y', 6, job)));
    await bench.runAlerting();
    const asOwner = (sql: string) => withClient(bench.test.url, (client) => client.query(sql));
    await asOwner(`
      CREATE FUNCTION reinstate.refuse_bad() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'not this one'; END $$;
      CREATE TRIGGER refuse_bad BEFORE INSERT ON reinstate.incident FOR EACH ROW
        WHEN (NEW.fingerprint = 'bad') EXECUTE FUNCTION reinstate.refuse_bad()`);
    await bench.runIncidents();
    expect((await bench.incidentOf('good')).status).toBe('open');
    expect(await bench.registry.metrics()).toContain(
      'reinstate_incidents_failures_total{row="alert"} 1',
    );
    await asOwner('DROP TRIGGER refuse_bad ON reinstate.incident');
    await bench.runIncidents();
    expect((await bench.incidents()).some(({ fingerprint }) => fingerprint === 'bad')).toBe(false);
    bench.clock.advance(1_000);
    await bench.runIncidents();
    const { id } = await bench.incidentOf('bad');
    expect(await bench.cases(id)).toHaveLength(6);
  });
});
