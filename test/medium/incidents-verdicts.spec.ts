import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { historyRow, IncidentHarness, orders, start } from '../support/incident-harness.js';
import { ownServerUrl } from '../support/postgres.js';

const job = { actorKind: 'job', actor: 'unpaid-orders', reason: 'payment not received' } as const;

let bench: IncidentHarness;
beforeAll(async () => {
  bench = await IncidentHarness.create();
});
afterAll(() => bench.close());

/** Opens an incident over these cancellations; `settled` seconds after the start. */
async function incidentOver(
  fingerprint: string,
  cancellations: Parameters<IncidentHarness['cancel']>[0],
  settled = 60,
): Promise<string> {
  bench.clock.set(start);
  const entries = await bench.cancel(cancellations);
  await bench.find(fingerprint, entries);
  bench.clock.set(new Date(start.getTime() + settled * 1000));
  await bench.run();
  return (await bench.incidentOf(fingerprint)).id;
}

/** Orders whose history has a row that does not say who cancelled them. */
function noted(prefix: string, count: number): ReturnType<typeof orders> {
  return Object.fromEntries(
    Object.entries(orders(prefix, count)).map(([orderId, given]) => [
      orderId,
      { ...given, rowChanges: [historyRow(orderId)] },
    ]),
  );
}

const changesOf = async (incidentId: string) =>
  (await bench.timeline(incidentId))
    .filter(({ type }) => type === 'verdict-changed')
    .map(({ data }) => data as { from: string; to: string });

describe('verdicts', () => {
  it('a raw UPDATE: unsure while the history may still come, wrongful once it has not', async () => {
    const id = await incidentOver('raw', orders('raw', 10), 10);
    expect(await bench.verdicts(id)).toMatchObject({ raw1: 'wrongful', raw10: 'unsure' });
    bench.clock.advance(2_000);
    await bench.run();
    expect(new Set(Object.values(await bench.verdicts(id)))).toEqual(new Set(['wrongful']));
    const changes = await changesOf(id);
    expect(new Set(changes.map(({ from, to }) => `${from} -> ${to}`))).toEqual(
      new Set(['unsure -> wrongful']),
    );
    const [one] = await bench.cases(id);
    expect(one!.reasons.map(({ sign }) => sign)).toEqual([
      'money-held',
      'no-history',
      'near-in-time',
      'alike',
    ]);
  });

  it('a raw UPDATE over a few orders only, or one: wrongful once its history has not come', async () => {
    const id = await incidentOver('few', orders('few', 3), 2);
    expect(await bench.verdicts(id)).toEqual({ few1: 'unsure', few2: 'unsure', few3: 'unsure' });
    bench.clock.advance(3_000);
    await bench.run();
    expect(new Set(Object.values(await bench.verdicts(id)))).toEqual(new Set(['wrongful']));
    const alone = await incidentOver('alone', orders('alone', 1));
    expect(await bench.verdicts(alone)).toEqual({ alone1: 'wrongful' });
  });

  it('a raw UPDATE of which the history has a word, but not whose: unsure', async () => {
    const id = await incidentOver('noted', noted('noted', 3));
    expect(new Set(Object.values(await bench.verdicts(id)))).toEqual(new Set(['unsure']));
  });

  it('a raw UPDATE of orders without money: unsure, never wrongful', async () => {
    const id = await incidentOver('free', orders('free', 12, { heldMinor: 0 }));
    expect(new Set(Object.values(await bench.verdicts(id)))).toEqual(new Set(['unsure']));
    expect((await bench.incidentOf('free')).title).toMatch(/^12 orders of 12 customers cancelled/);
  });

  it('a customer cancelling among the victims: intended, and not counted', async () => {
    const id = await incidentOver('among', {
      ...orders('victim', 10, job),
      own: { actorKind: 'customer', actor: 'customer', reason: 'changed my mind', second: 3 },
    });
    const { own, ...victims } = await bench.verdicts(id);
    expect(own).toBe('intended');
    expect(new Set(Object.values(victims))).toEqual(new Set(['wrongful']));
    expect((await bench.incidentOf('among')).title).toMatch(/^10 paid orders of 10 customers/);
  });

  it('3-D Secure, "cancelled by customer" with the money captured: unsure', async () => {
    const threeDs = { actorKind: 'customer', reason: 'Cancelled by customer' } as const;
    const id = await incidentOver('3ds', orders('3ds', 12, threeDs));
    expect(new Set(Object.values(await bench.verdicts(id)))).toEqual(new Set(['unsure']));
  });

  it('a fraud sweep by staff: intended, and nobody is paged', async () => {
    const sweep = { actorKind: 'staff', actor: 'm.peters', reason: 'suspected fraud' } as const;
    const id = await incidentOver('sweep', orders('sweep', 12, sweep));
    expect(new Set(Object.values(await bench.verdicts(id)))).toEqual(new Set(['intended']));
    const incident = await bench.incidentOf('sweep');
    expect(incident).toMatchObject({ severity: 'low' });
    expect(incident.title).toMatch(/^12 cancellations, all look intended;/);
    expect(await bench.pages(id)).toEqual([]);
  });

  it('one customer cancelling forty orders of their own: intended', async () => {
    const office = {
      actorKind: 'customer',
      actor: 'customer',
      reason: 'office move postponed',
      customerId: 'office',
    } as const;
    const id = await incidentOver('office', orders('office', 40, office));
    expect(new Set(Object.values(await bench.verdicts(id)))).toEqual(new Set(['intended']));
    const [one] = await bench.cases(id);
    expect(one!.reasons.map(({ sign }) => sign)).toContain('one-account');
  });

  it('a job on the hour, after a deploy: both are said', async () => {
    const hour = new Date('2026-11-22T04:00:02.000Z');
    await bench.test.database.query(
      `INSERT INTO change_mark (id, shop_id, what, kind, at, recorded_at)
       VALUES (gen_random_uuid(), 'shop', 'shop 4.2', 'deploy', '2026-11-22T03:50:02Z', $1)`,
      [hour],
    );
    const committedAt = hour.toISOString();
    const id = await incidentOver('hour', orders('hour', 8, { ...job, committedAt }), 7_200);
    const [one] = await bench.cases(id);
    const words = one!.reasons.map((reason) => reason.words);
    expect(words).toContain('it happened exactly on the hour, like many others');
    expect(words).toContain('10 min after a change: shop 4.2');
  });

  it('an early case is judged again when others turn out to be like it', async () => {
    bench.clock.set(start);
    const first = await bench.cancel(noted('early', 3));
    const findingId = await bench.find('early', first);
    bench.clock.set(new Date(start.getTime() + 60_000));
    await bench.run();
    const { id } = await bench.incidentOf('early');
    expect(await bench.verdicts(id)).toMatchObject({ early1: 'unsure' });
    await bench.refind(findingId, await bench.cancel(noted('late', 6)), { orders: 9 });
    bench.clock.advance(10_000);
    await bench.run();
    expect(await bench.verdicts(id)).toMatchObject({ early1: 'wrongful', late6: 'wrongful' });
    // those that come late are told with the verdict that they have until they have settled
    expect(await changesOf(id)).toHaveLength(9);
  });
});

describe('evidence that comes later', () => {
  it('a history row that names the job: wrongful at once', async () => {
    const id = await incidentOver('steps', orders('steps', 2), 1);
    expect(await bench.verdicts(id)).toEqual({ steps1: 'unsure', steps2: 'unsure' });
    await bench.journal(
      ['steps1', 'steps2'].map((orderId) => ({
        ...{ orderId, kinds: ['changed' as const], ...job },
        ...{ statusBefore: null, statusAfter: null, rowChanges: [historyRow(orderId)] },
      })),
    );
    await bench.runIncidents();
    expect(await bench.verdicts(id)).toEqual({ steps1: 'wrongful', steps2: 'wrongful' });
    expect((await bench.cases(id))[0]).toMatchObject({
      actorKind: 'job',
      actor: 'unpaid-orders',
      cancelReason: 'payment not received',
    });
    expect((await bench.incidentOf('steps')).title).toContain('by the job “unpaid-orders”');
  });

  it('a history row of staff, later than the shop’s settle time: wrongful until it comes, intended after all', async () => {
    const id = await incidentOver('staffed', orders('staffed', 8));
    expect(await bench.verdicts(id)).toMatchObject({ staffed1: 'wrongful' });
    const note = { actorKind: 'staff', actor: 'm.peters', reason: 'suspected fraud' } as const;
    await bench.journal([
      {
        ...{ orderId: 'staffed1', kinds: ['changed'], ...note },
        ...{ statusBefore: null, statusAfter: null, rowChanges: [historyRow('staffed1')] },
      },
    ]);
    await bench.runIncidents();
    expect(await bench.verdicts(id)).toMatchObject({ staffed1: 'intended', staffed2: 'wrongful' });
    expect((await changesOf(id)).filter(({ to }) => to === 'intended')).toMatchObject([
      { from: 'wrongful' },
    ]);
  });

  it('a payment after the cancellation: wrongful', async () => {
    const unpaid = { ...job, heldMinor: 0 };
    const id = await incidentOver('paid', orders('paid', 2, unpaid));
    expect(await bench.verdicts(id)).toEqual({ paid1: 'unsure', paid2: 'unsure' });
    await bench.hold({ paid1: 4_990 });
    await bench.journal([
      { orderId: 'paid1', kinds: ['paid'], statusBefore: null, statusAfter: null },
    ]);
    await bench.runIncidents();
    expect(await bench.verdicts(id)).toEqual({ paid1: 'wrongful', paid2: 'unsure' });
    const [one] = await bench.cases(id);
    expect(one!.reasons.map(({ sign }) => sign)).toContain('paid-after');
    expect(one!.heldMinor).toBe(4_990);
  });

  it('a refund: no longer wrongful', async () => {
    const id = await incidentOver('refund', orders('refund', 2, job));
    await bench.hold({ refund1: 0 });
    await bench.journal([
      { orderId: 'refund1', kinds: ['refunded'], statusBefore: null, statusAfter: null },
    ]);
    await bench.runIncidents();
    expect(await bench.verdicts(id)).toEqual({ refund1: 'unsure', refund2: 'wrongful' });
    const told = (await bench.timeline(id)).filter(({ type }) => type === 'money-changed');
    expect(told.map(({ data }) => data)).toEqual([
      {
        ...{ orderId: 'refund1', orderNumber: 'S-refund1', currency: 'EUR' },
        ...{ fromMinor: 4_990, toMinor: 0 },
      },
    ]);
  });

  it('changes nothing about a verdict that a person gave', async () => {
    const id = await incidentOver('decided', orders('decided', 2, job));
    const [one] = await bench.cases(id);
    await bench.parts.cases.decideVerdict(bench.caller, {
      ...{ incidentId: id, caseId: one!.id, verdict: 'intended' },
      reason: 'the customer says so',
    });
    await bench.journal([
      { orderId: 'decided1', kinds: ['paid'], statusBefore: null, statusAfter: null },
    ]);
    await bench.runIncidents();
    expect(await bench.verdicts(id)).toEqual({ decided1: 'intended', decided2: 'wrongful' });
    const story = await bench.timeline(id);
    expect(story.find(({ type }) => type === 'verdict-set')).toMatchObject({
      person: 'anna',
      data: { from: 'wrongful', to: 'intended', reason: 'the customer says so' },
    });
  });
});

describe('while the journal may lack what the shop wrote', () => {
  const staff = { actorKind: 'staff', actor: 'm.peters', reason: 'suspected fraud' } as const;
  const verdictsTold = async (other: IncidentHarness, incidentId: string) =>
    (await other.timeline(incidentId)).filter(({ type }) => type === 'verdict-changed');

  /** A harness beside a shop whose stream stands here; what it wrote after that has not arrived. */
  async function behind(readUrl: string): Promise<{ other: IncidentHarness; id: string }> {
    const other = await IncidentHarness.create(readUrl);
    await other.test.database.query(
      `INSERT INTO replication_stream (shop_id, state, slot_name, publication_name, incarnation, confirmed_lsn, updated_at)
       SELECT 'shop', 'streaming', 's', 'p', s.system_identifier || '/' || c.timeline_id || '/1', '0/1', $1
       FROM pg_control_system() s, pg_control_checkpoint() c`,
      [start],
    );
    await other.find('late', await other.cancel(orders('late', 8)));
    other.clock.advance(60_000);
    await other.run();
    return { other, id: (await other.incidentOf('late')).id };
  }

  it('nothing is settled, however late it is; a person’s note that was on its way is heard first', async () => {
    const { other, id } = await behind(ownServerUrl('postgres'));
    expect(new Set(Object.values(await other.verdicts(id)))).toEqual(new Set(['unsure']));
    other.clock.advance(600_000);
    await other.run();
    await other.journal([
      {
        ...{ orderId: 'late1', kinds: ['changed'], ...staff, rowChanges: [historyRow('late1')] },
        ...{ statusBefore: null, statusAfter: null },
        committedAt: new Date(start.getTime() + 1_500).toISOString(),
      },
    ]);
    await other.test.database.query(
      `UPDATE replication_stream SET confirmed_lsn = 'FFFFFFFF/FFFFFFFF'`,
    );
    await other.run();
    const { late1, ...others } = await other.verdicts(id);
    expect(late1).toBe('intended');
    expect(new Set(Object.values(others))).toEqual(new Set(['wrongful']));
    const first = (await other.cases(id)).find(({ orderId }) => orderId === 'late1');
    expect(
      (await verdictsTold(other, id)).filter(({ caseId }) => caseId === first?.id),
    ).toMatchObject([{ data: { from: 'unsure', to: 'intended' } }]);
    await other.close();
  });

  it('nothing is settled while the shop does not say where its log stands', async () => {
    const { other, id } = await behind('postgresql://nobody@127.0.0.1:1/none');
    await other.test.database.query(
      `UPDATE replication_stream SET confirmed_lsn = 'FFFFFFFF/FFFFFFFF'`,
    );
    other.clock.advance(60_000);
    await other.run();
    expect(new Set(Object.values(await other.verdicts(id)))).toEqual(new Set(['unsure']));
    await other.close();
  });

  it('nor while the journal follows another server than the shop runs on', async () => {
    const { other, id } = await behind(ownServerUrl('postgres'));
    await other.test.database.query(
      `UPDATE replication_stream SET confirmed_lsn = 'FFFFFFFF/FFFFFFFF', incarnation = '1/1/1'`,
    );
    other.clock.advance(60_000);
    await other.run();
    expect(new Set(Object.values(await other.verdicts(id)))).toEqual(new Set(['unsure']));
    await other.close();
  });

  it('what has settled stays so when the order goes on with its life', async () => {
    const { other, id } = await behind(ownServerUrl('postgres'));
    const stream = (lsn: string) =>
      other.test.database.query('UPDATE replication_stream SET confirmed_lsn = $1::pg_lsn', [lsn]);
    await stream('FFFFFFFF/FFFFFFFF');
    await other.run();
    expect(await other.verdicts(id)).toMatchObject({ late2: 'wrongful' });
    const told = await verdictsTold(other, id);
    await stream('0/1');
    other.clock.advance(60_000);
    const address = { statusBefore: null, statusAfter: null, kinds: ['changed' as const] };
    await other.journal([{ ...address, orderId: 'late2' }]);
    await other.run();
    expect(await verdictsTold(other, id)).toEqual(told);
    await other.close();
  });
});

describe('an announced bulk cancel', () => {
  const closing = { actorKind: 'job', actor: 'closing', reason: 'closed' } as const;
  const announced = {
    ...{ shopId: 'shop', startsAt: start, greatestCount: 6 },
    endsAt: new Date(start.getTime() + 3_600_000),
    reason: 'warehouse north is closed',
  };

  beforeAll(() => {
    bench.clock.set(start);
  });

  it('is intended up to its greatest count, and not beyond', async () => {
    await bench.parts.announcements.announce(bench.caller, {
      ...announced,
      filter: { actor: 'closing' },
    });
    const id = await incidentOver('announced', orders('announced', 8, closing));
    const verdicts = await bench.verdicts(id);
    expect(Object.values(verdicts).filter((verdict) => verdict === 'intended')).toHaveLength(6);
    expect(verdicts).toMatchObject({ announced7: 'wrongful', announced8: 'wrongful' });
    const [one] = await bench.cases(id);
    expect(one!.reasons[0]).toMatchObject({
      sign: 'announced',
      words: 'a bulk cancel was announced: warehouse north is closed',
    });
    const beyond = (await bench.cases(id)).find(({ orderId }) => orderId === 'announced7');
    expect(beyond!.reasons.map(({ words }) => words)).toContain(
      'a bulk cancel of at most 6 orders was announced (warehouse north is closed), and this one comes after them',
    );
  });

  it('covers nothing that its filter does not fit', async () => {
    const id = await incidentOver('other', orders('other', 2, { ...closing, actor: 'other' }));
    expect(await bench.verdicts(id)).toEqual({ other1: 'wrongful', other2: 'wrongful' });
  });

  it('covers nothing before it was made, nor after it was withdrawn', async () => {
    const at = (second: number) => new Date(start.getTime() + second * 1000);
    bench.clock.set(at(100));
    const made = await bench.parts.announcements.announce(bench.caller, {
      ...announced,
      filter: { actor: 'late' },
    });
    bench.clock.set(at(200));
    await bench.parts.announcements.withdraw(bench.caller, made.id);
    const late = { ...closing, actor: 'late' };
    const id = await incidentOver(
      'late',
      {
        before: { ...late, second: 99 },
        within: { ...late, second: 150 },
        after: { ...late, second: 200 },
      },
      300,
    );
    expect(await bench.verdicts(id)).toEqual({
      before: 'wrongful',
      within: 'intended',
      after: 'wrongful',
    });
    await expect(bench.parts.announcements.withdraw(bench.caller, made.id)).rejects.toThrow(
      'withdrawn already',
    );
  });

  it('is refused where its period is over', async () => {
    bench.clock.set(new Date(start.getTime() + 7_200_000));
    await expect(
      bench.parts.announcements.announce(bench.caller, { ...announced, filter: {} }),
    ).rejects.toThrow('announce a bulk cancel before it is made');
  });
});
