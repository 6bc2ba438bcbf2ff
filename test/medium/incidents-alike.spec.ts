import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { historyRow, IncidentHarness, orders, start } from '../support/incident-harness.js';

const hour = 3_600;
let bench: IncidentHarness;
let number = 0;

/** A job of its own for each test: what is like it belongs to no other test's incident. */
function job() {
  number += 1;
  const actor = `job ${number}`;
  return { actorKind: 'job', actor, reason: 'payment not received' } as const;
}

beforeAll(async () => {
  bench = await IncidentHarness.create();
});
afterAll(() => bench.close());

/** An incident of six orders, and what became of it when all was looked at. */
async function incidentOf(fingerprint: string, given: object): Promise<string> {
  const entries = await bench.cancel(orders(`${fingerprint}-`, 6, given));
  await bench.find(fingerprint, entries);
  await bench.run();
  return (await bench.incidentOf(fingerprint)).id;
}

/** After that the shop writes nothing more about what was cancelled until now; what joins then is judged a tick later. */
async function settle(): Promise<void> {
  bench.clock.advance(60_000);
  await bench.run();
  await bench.run();
}

describe('an order that no finding names', () => {
  it('becomes a case when the same job cancelled it for the same reason, before or after', async () => {
    const same = job();
    await bench.cancel(orders('before', 2, { ...same, second: -5 * hour }));
    const incidentId = await incidentOf('same-job', same);
    expect(await bench.verdicts(incidentId)).toMatchObject({
      before1: 'wrongful',
      before2: 'wrongful',
    });
    await bench.cancel(orders('after', 2, { ...same, second: 5 * hour }));
    await bench.run();
    const verdicts = await bench.verdicts(incidentId);
    expect(verdicts).toMatchObject({ after1: 'wrongful', after2: 'wrongful' });
    expect(Object.keys(verdicts)).toHaveLength(10);
    expect((await bench.incidentOf('same-job')).title).toMatch(/^10 paid orders of 10 customers/);
    const added = (await bench.timeline(incidentId)).filter(({ type }) => type === 'case-added');
    expect(added).toHaveLength(10);
  });

  it('becomes a case once the shop has written who cancelled it', async () => {
    const same = job();
    const incidentId = await incidentOf('late-word', same);
    await bench.cancel({ 'told-late': { second: 9, rowChanges: [] } });
    await bench.run();
    expect(await bench.verdicts(incidentId)).not.toHaveProperty('told-late');
    await bench.journal([
      {
        ...{ orderId: 'told-late', kinds: ['changed'], ...same, snapshot: null },
        committedAt: new Date(start.getTime() + 10_000).toISOString(),
        rowChanges: [historyRow('told-late')],
      },
    ]);
    await bench.run();
    expect(await bench.verdicts(incidentId)).toHaveProperty('told-late');
  });

  it('is left alone where it is another harm: another job or reason, unpaid, a day before', async () => {
    const same = job();
    await bench.cancel({
      'other-job': { ...same, actor: 'expiry' },
      'other-reason': { ...same, reason: 'stock is gone' },
      unpaid: { ...same, heldMinor: 0 },
      'long-ago': { ...same, second: -25 * hour },
      customer: { actorKind: 'customer', actor: null, reason: 'payment not received' },
      staff: { ...same, actorKind: 'staff' },
    });
    const incidentId = await incidentOf('others', same);
    expect(Object.keys(await bench.verdicts(incidentId)).sort()).toEqual(
      [1, 2, 3, 4, 5, 6].map((index) => `others-${index}`),
    );
  });

  it('is found however many others the same job has cancelled properly since', async () => {
    const same = job();
    await bench.cancel({ 'long-hidden': { ...same, second: -hour } });
    await bench.cancel(orders('proper', 1_010, { ...same, heldMinor: 0 }));
    const incidentId = await incidentOf('hidden', same);
    expect(Object.keys(await bench.verdicts(incidentId)).sort()).toEqual([
      ...[1, 2, 3, 4, 5, 6].map((index) => `hidden-${index}`),
      'long-hidden',
    ]);
  });

  it('of raw SQL joins where the history has no word of it, close by', async () => {
    await bench.cancel({
      'raw-alone': { second: -60, rowChanges: [] },
      'raw-clean-up': { second: -hour, rowChanges: [] },
      'in-history': { second: -50, rowChanges: [historyRow('in-history')] },
    });
    const incidentId = await incidentOf('raw', { rowChanges: [] });
    await settle();
    const found = Object.keys(await bench.verdicts(incidentId));
    expect(found).toContain('raw-alone');
    expect(found).not.toContain('raw-clean-up');
    expect(found).not.toContain('in-history');
  });

  it('of which the same job has only taken lines becomes a case, unsure, once it takes no more', async () => {
    const same = job();
    const incidentId = await incidentOf('parts', same);
    const onlyLines = (orderId: string, who: object) => ({
      ...{ orderId, kinds: ['line-cancelled'] as const, snapshot: null, rowChanges: [] },
      ...who,
    });
    await bench.hold({ 'in-part': 4_990, 'in-the-end': 4_990, wished: 4_990, 'by-others': 4_990 });
    await bench.journal([
      onlyLines('in-part', same),
      onlyLines('in-the-end', same),
      onlyLines('wished', { ...same, actorKind: 'customer', actor: 'customer' }),
      onlyLines('by-others', job()),
    ]);
    await bench.run();
    expect(Object.keys(await bench.verdicts(incidentId))).toHaveLength(6);
    const second = (bench.clock.now().getTime() - start.getTime()) / 1_000;
    await bench.cancel({ 'in-the-end': { ...same, second } });
    await settle();
    const verdicts = await bench.verdicts(incidentId);
    expect(verdicts).toMatchObject({ 'in-part': 'unsure', 'in-the-end': 'wrongful' });
    expect(Object.keys(verdicts)).toHaveLength(8);
    const again = await bench.timeline(incidentId);
    expect(again.map(({ type }) => type)).not.toContain('case-cancelled-again');
  });

  it('of an actor whom the shop may still name waits until it cannot any more', async () => {
    const incident = await bench.incidentOf('raw');
    const at = (bench.clock.now().getTime() - start.getTime()) / 1_000;
    // the raw SQL goes on until now
    await bench.cancel(orders('raw-on-', 2, { second: at - 400, rowChanges: [] }));
    await bench.run();
    await settle();
    await bench.cancel({
      'named-later': { second: at, rowChanges: [] },
      unnamed: { second: at, rowChanges: [] },
    });
    await bench.run();
    const early = Object.keys(await bench.verdicts(incident.id));
    expect(early).toContain('raw-on-1');
    expect(early).not.toContain('named-later');
    expect(early).not.toContain('unnamed');
    await bench.journal([
      {
        ...{ orderId: 'named-later', kinds: ['changed'], actorKind: 'staff', actor: 'kim' },
        ...{ reason: null, snapshot: null, rowChanges: [historyRow('named-later')] },
        committedAt: new Date(start.getTime() + at * 1_000 + 500).toISOString(),
      },
    ]);
    await bench.run();
    await settle();
    const late = await bench.verdicts(incident.id);
    expect(late).toHaveProperty('unnamed', 'wrongful');
    expect(late).not.toHaveProperty('named-later');
  });

  it('is not taken from an incident that has it already', async () => {
    const same = job();
    const first = await incidentOf('first', same);
    const entries = await bench.cancel(orders('second-', 6, { ...same, second: 30 }));
    await bench.find('second', entries);
    await bench.run();
    const second = (await bench.incidentOf('second')).id;
    const all = [...(await bench.cases(first)), ...(await bench.cases(second))];
    expect(all).toHaveLength(12);
  });

  it('is not a case of a second incident when a finding names it among others', async () => {
    const same = job();
    const first = await incidentOf('whole', same);
    const taken = await bench.cancel(orders('taken-', 2, { ...same, second: 20 }));
    await bench.run();
    expect(await bench.verdicts(first)).toHaveProperty('taken-1');
    const other = await bench.cancel(orders('else-', 4, { ...job(), second: 25 }));
    await bench.find('else', [...taken, ...other]);
    await bench.run();
    const second = (await bench.incidentOf('else')).id;
    expect(Object.keys(await bench.verdicts(second))).toEqual(
      [1, 2, 3, 4].map((index) => `else-${index}`),
    );
  });
});
