import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { addHistory } from '../../demo/shop/history.js';
import type { PlanView } from '../../src/restore/plans/plan-view.service.js';
import { Scene } from './restore-scene.js';

const reason = 'payment not received';
/** Longer than the profile's settle time. */
const settledMs = 4_000;
let scene: Scene;
let jobs = 0;

beforeAll(async () => {
  scene = await Scene.create({ policy: { concurrency: 1 } });
});
afterAll(() => scene.close());

interface Harm {
  readonly incident: string;
  readonly plan: PlanView;
  readonly by: string;
}

/** An incident of so many orders that one job has cancelled, with an approved plan. */
async function harmed(count: number, kind: 'declared' | 'found'): Promise<Harm> {
  const by = `job-${(jobs += 1)}`;
  const incident = await scene.harm(await scene.placePaid(Array<number>(count).fill(1)), by);
  if (kind === 'found') await makeFound(incident);
  const plan = await scene.propose(incident);
  await scene.approve(plan);
  return { incident, plan, by };
}

/** Nobody declared the incident: it is about a finding that is closed, so that nothing is added to it any more. */
async function makeFound(incident: string): Promise<void> {
  await scene.query(
    `WITH finding AS (
       INSERT INTO finding (id, shop_id, detector, fingerprint, state, slice, sentence, measure, first_event_at,
         last_event_at, found_at, closed_at)
       VALUES (gen_random_uuid(), $1, 'd', $3, 'closed', '{}', 's', '{"orders":1,"trend":"quiet"}', $2, $2, $2, $2)
       RETURNING id
     ), alert AS (
       INSERT INTO alert (id, shop_id, finding_id, finding_version, name, fingerprint, state, labels, annotations, starts_at)
       SELECT gen_random_uuid(), $1, id, 1, 'WrongfulCancellations', $3, 'firing', '{}', '{}', $2 FROM finding RETURNING id
     )
     UPDATE incident SET alert_id = alert.id, declared_by = NULL, declaration = NULL FROM alert WHERE incident.id = $3::uuid`,
    [scene.shopId, scene.clock.now(), incident],
  );
}

/** The row alone, as by a hand in the database. */
async function cancelSilently(orderId: string): Promise<void> {
  await scene.inShop((tx) =>
    tx.query(
      `UPDATE shop.orders SET status = 'cancelled', cancelled_at = now(), cancel_reason = $2, version = version + 1
       WHERE id = $1`,
      [orderId, reason],
    ),
  );
}

async function expectRefused(plan: PlanView): Promise<void> {
  await expect(scene.start(plan)).rejects.toMatchObject({
    code: 'still-bleeding',
    details: { data: { bleeding: { cause: 'still-arriving' } } },
  });
}

async function expectStarted(plan: PlanView): Promise<void> {
  expect(await scene.runUntil(await scene.start(plan), 'finished')).toMatchObject({
    stopReason: null,
  });
}

const casesOf = async (incident: string) => Object.keys(await scene.caseStates(incident)).length;

describe('a cancellation that detection has read and nothing has taken in', () => {
  it.each(['declared', 'found'] as const)('lets no run start: %s', async (kind) => {
    const { incident, plan, by } = await harmed(1, kind);
    const late = await scene.placePaid([1]);
    await scene.cancel(late, by);
    await scene.journalled();
    await expectRefused(plan);
    scene.clock.advance(settledMs);
    await expectRefused(plan);
    expect(await casesOf(incident)).toBe(1);
  });

  it.each(['declared', 'found'] as const)('holds a run under way: %s', async (kind) => {
    const { incident, plan, by } = await harmed(4, kind);
    const runId = await scene.start(plan);
    await scene.tick();
    await scene.cancel(await scene.placePaid([1]), by);
    await scene.journalled();
    for (let ticks = 0; ticks < 3; ticks += 1) await scene.tick();
    expect(await scene.run(runId)).toMatchObject({ state: 'running', items: { verified: 1 } });
    expect(await casesOf(incident)).toBe(4);
    scene.clock.advance(61_000);
    expect(await scene.runUntil(runId, 'stopped', 'finished')).toMatchObject({
      stopReason: 'still-bleeding',
      items: { verified: 1, pending: 3 },
    });
  });

  it('counts also where the incident has read it and waits to hear who did it', async () => {
    const { incident, plan } = await harmed(1, 'declared');
    const [late] = await scene.placePaid([1]);
    await cancelSilently(late!);
    await scene.journalled();
    await scene.follow();
    expect(await casesOf(incident)).toBe(1);
    await expectRefused(plan);
    scene.clock.advance(settledMs);
    await scene.follow();
    expect(await casesOf(incident)).toBe(1);
    await expectStarted(plan);
  });

  it('counts also where the shop writes only afterwards who did it', async () => {
    const { plan, by } = await harmed(1, 'found');
    const [late] = await scene.placePaid([1]);
    await cancelSilently(late!);
    await scene.journalled();
    await scene.follow();
    await expectRefused(plan);
    await scene.inShop((tx) =>
      addHistory(tx, {
        ...{ orderId: late!, fromStatus: 'paid', toStatus: 'cancelled', reason },
        ...{ type: 'CANCELLED', actor: { kind: 'job', name: by } },
      }),
    );
    await scene.journalled();
    await scene.follow();
    scene.clock.advance(settledMs);
    await expectRefused(plan);
    scene.clock.advance(20 * 60_000);
    await expectStarted(plan);
  });

  it('of which nobody ever says who did it does not count for ever', async () => {
    const { plan } = await harmed(1, 'found');
    const [late] = await scene.placePaid([1]);
    await cancelSilently(late!);
    await scene.journalled();
    await expectRefused(plan);
    scene.clock.advance(settledMs);
    await expectStarted(plan);
  });

  it('is no harm where nobody had paid, or where somebody else did it', async () => {
    const { plan, by } = await harmed(1, 'found');
    await scene.cancel([await scene.placeUnpaid()], by);
    const [other, own] = await scene.placePaid([1, 1]);
    await scene.cancel([other!], 'another job');
    await scene.cancelBy([own!], { kind: 'customer', name: 'Ada' });
    await scene.journalled();
    await expectStarted(plan);
  });
});

describe('a bulk cancel that was announced', () => {
  /** By the shop's time, which the scene's clock is ahead of. */
  async function announce(filter: { actor: string }, greatestCount: number): Promise<void> {
    await scene.query(
      `INSERT INTO announcement (id, shop_id, filter, greatest_count, reason, announced_by, starts_at, ends_at, created_at)
       SELECT gen_random_uuid(), $1, $2, $3, 'the warehouse moves', $4, at, at + interval '1 hour', at
       FROM clock_timestamp() AS at`,
      [scene.shopId, JSON.stringify(filter), greatestCount, scene.people.robin.personId],
    );
  }

  // by the very job of the harm, for the same reason: only the announcement tells them apart
  it.each(['declared', 'found'] as const)('lets a run start: %s', async (kind) => {
    const { incident, plan, by } = await harmed(1, kind);
    await announce({ actor: by }, 2);
    await scene.cancel(await scene.placePaid([1, 1]), by);
    await scene.journalled();
    expect(await casesOf(incident)).toBe(1);
    await expectStarted(plan);
  });

  it('lets a run go on', async () => {
    const { plan, by } = await harmed(4, 'found');
    const runId = await scene.start(plan);
    await scene.tick();
    await announce({ actor: by }, 1);
    await scene.cancel(await scene.placePaid([1]), by);
    await scene.journalled();
    expect(await scene.runUntil(runId, 'stopped', 'finished')).toMatchObject({
      state: 'finished',
      items: { verified: 4 },
    });
  });

  it('lets none start beyond its greatest count, nor where something else is cancelled', async () => {
    const { plan, by } = await harmed(1, 'found');
    await announce({ actor: by }, 1);
    await announce({ actor: 'another job' }, 100);
    await scene.cancel(await scene.placePaid([1, 1]), by);
    await scene.journalled();
    await expectRefused(plan);
  });
});

it('a cancellation counts where no detector has read anything yet', async () => {
  const { plan } = await harmed(1, 'found');
  await scene.cancel(await scene.placePaid([1]), 'another job');
  await scene.written();
  await scene.asOwner('DELETE FROM reinstate.detector_state');
  await expectRefused(plan);
  await scene.detected();
  await expectStarted(plan);
});
