import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { CaseState } from '../../src/incidents/case.js';
import { IncidentHarness, orders } from '../support/incident-harness.js';

const job = { actorKind: 'job', actor: 'unpaid-orders', reason: 'payment not received' } as const;

let bench: IncidentHarness;
let opened = 0;
beforeAll(async () => {
  bench = await IncidentHarness.create();
});
afterAll(() => bench.close());

interface Opened {
  readonly id: string;
  readonly fingerprint: string;
  readonly findingId: string;
}

async function open(count = 6): Promise<Opened> {
  const fingerprint = `incident ${(opened += 1)}`;
  const entries = await bench.cancel(orders(`${fingerprint}/`, count, job));
  const findingId = await bench.find(fingerprint, entries);
  await bench.run();
  return { id: (await bench.incidentOf(fingerprint)).id, fingerprint, findingId };
}

async function over({ findingId }: Opened): Promise<void> {
  await bench.refind(findingId, [], { orders: 6, rising: false, closed: true });
  await bench.run();
}

async function move(incidentId: string, place: number, ...states: CaseState[]): Promise<string> {
  const caseId = (await bench.cases(incidentId))[place]!.id;
  for (const to of states)
    await bench.test.database.transaction((transaction) =>
      bench.parts.cases.transition(transaction, {
        ...{ caseId, to, at: bench.clock.now(), words: `because of the test` },
      }),
    );
  return caseId;
}

const audited = (incidentId: string) =>
  bench.test.database.query(
    'SELECT action, person_id FROM audit_entry WHERE subject_id = $1 ORDER BY id',
    [incidentId],
  );

const told = async (incidentId: string) =>
  (await bench.timeline(incidentId)).filter(({ personId }) => personId !== null);

describe('an incident', () => {
  it('is acknowledged, assigned, commented and given a severity: each told and audited', async () => {
    const { id } = await open();
    const { incidents } = bench.parts;
    expect(await incidents.acknowledge(bench.caller, id)).toMatchObject({
      status: 'acknowledged',
      acknowledgedAt: bench.clock.now(),
      assigneeId: bench.caller.personId,
    });
    await incidents.assign(bench.caller, id, bench.colleague.personId);
    await incidents.comment(bench.colleague, id, 'looking at the job');
    const severe = { severity: 'low', reason: 'a test shop' } as const;
    expect(await incidents.setSeverity(bench.colleague, id, severe)).toMatchObject({
      severity: 'low',
    });
    expect((await told(id)).map(({ type, person, data }) => [type, person, data])).toEqual([
      ['incident-acknowledged', 'anna', {}],
      ['incident-assigned', 'anna', { assigneeId: bench.colleague.personId, assignee: 'bert' }],
      ['comment', 'bert', { text: 'looking at the job' }],
      ['severity-set', 'bert', { from: 'high', to: 'low', reason: 'a test shop' }],
    ]);
    expect((await audited(id)).map(({ action }) => action)).toEqual([
      'incident.acknowledged',
      'incident.assigned',
      'incident.commented',
      'incident.severity-set',
    ]);
  });

  it('keeps a severity set by hand, however many orders come', async () => {
    const { id, findingId } = await open();
    const severe = { severity: 'low', reason: 'known' } as const;
    await bench.parts.incidents.setSeverity(bench.caller, id, severe);
    await bench.refind(findingId, await bench.cancel(orders('keeps', 30, job)), { orders: 36 });
    await bench.run();
    expect(await bench.parts.incidents.get(id)).toMatchObject({ severity: 'low' });
  });

  it('is not acknowledged twice: the refusal says what is possible', async () => {
    const { id } = await open();
    await bench.parts.incidents.acknowledge(bench.caller, id);
    await expect(bench.parts.incidents.acknowledge(bench.caller, id)).rejects.toThrow(
      /incident \d+ cannot become acknowledged, because it is acknowledged: somebody works on it; it can become resolved/,
    );
    expect(await told(id)).toHaveLength(1);
    expect(await audited(id)).toHaveLength(1);
  });

  it('is acknowledged by one of two who try at once', async () => {
    const { id } = await open();
    const tries = await Promise.allSettled(
      [bench.caller, bench.colleague].map((who) => bench.parts.incidents.acknowledge(who, id)),
    );
    expect(tries.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(await told(id)).toHaveLength(1);
  });

  it('is not given to somebody who does not exist', async () => {
    const { id } = await open();
    await expect(bench.parts.incidents.assign(bench.caller, id, id)).rejects.toThrow(
      'there is no such person',
    );
  });

  it('that nobody knows is missing', async () => {
    const nobody = bench.caller.personId;
    await expect(bench.parts.incidents.comment(bench.caller, nobody, 'x')).rejects.toThrow(
      `there is no incident ${nobody}`,
    );
  });
});

describe('resolving', () => {
  const resolution = { reason: 'job stopped', override: null };

  it('is refused while the alert fires, and done with a reason why all the same', async () => {
    const { id } = await open();
    await expect(bench.parts.incidents.resolve(bench.caller, id, resolution)).rejects.toThrow(
      'the alert still fires',
    );
    const override = 'the alert counts a drill';
    const resolved = await bench.parts.incidents.resolve(bench.caller, id, {
      ...resolution,
      override,
    });
    expect(resolved).toMatchObject({ status: 'resolved', resolvedAt: bench.clock.now() });
    expect((await told(id)).at(-1)).toMatchObject({
      type: 'incident-resolved',
      data: { reason: 'job stopped', override, closed: 6, restored: 0 },
    });
  });

  it('is refused while an order is being restored, or its outcome is unknown', async () => {
    const incident = await open();
    await over(incident);
    await move(incident.id, 0, 'planned', 'restoring');
    await move(incident.id, 1, 'planned', 'restoring', 'unknown');
    await expect(
      bench.parts.incidents.resolve(bench.caller, incident.id, { ...resolution, override: 'why' }),
    ).rejects.toThrow('2 order(s) are being restored');
  });

  it('closes what was not restored, and reopening takes that up again', async () => {
    const incident = await open();
    await over(incident);
    await move(incident.id, 0, 'planned', 'restoring', 'restored');
    await move(incident.id, 1, 'planned');
    await move(incident.id, 2, 'person');
    await bench.parts.incidents.resolve(bench.caller, incident.id, resolution);
    const states = async () => (await bench.cases(incident.id)).map(({ state }) => state);
    expect(await states()).toEqual(['restored', ...Array.from({ length: 5 }, () => 'closed')]);
    const reopened = await bench.parts.incidents.reopen(bench.colleague, incident.id, 'not over');
    expect(reopened).toMatchObject({ status: 'open', resolvedAt: null });
    expect(await states()).toEqual(['restored', ...Array.from({ length: 5 }, () => 'open')]);
    expect((await bench.pages(incident.id)).map(({ kind }) => kind)).toEqual([
      'incident-opened',
      'incident-reopened',
    ]);
  });

  it('reopening is refused while another incident of the same failure is open', async () => {
    const incident = await open();
    await over(incident);
    await bench.parts.incidents.resolve(bench.caller, incident.id, resolution);
    await bench.find(incident.fingerprint, await bench.cancel(orders('again', 6, job)));
    await bench.run();
    const newer = await bench.incidentOf(incident.fingerprint);
    expect(newer.id).not.toBe(incident.id);
    await expect(
      bench.parts.incidents.reopen(bench.caller, incident.id, 'not over'),
    ).rejects.toThrow(`incident ${newer.number} of the same failure is open`);
  });

  it('an incident that was resolved too early reopens by itself when more orders are hit', async () => {
    const incident = await open();
    await bench.parts.incidents.resolve(bench.caller, incident.id, {
      ...resolution,
      override: 'x',
    });
    await bench.refind(incident.findingId, [], { orders: 7 });
    await bench.run();
    expect(await bench.parts.incidents.get(incident.id)).toMatchObject({ status: 'resolved' });
    await bench.refind(incident.findingId, await bench.cancel(orders('more', 2, job)), {
      orders: 8,
    });
    await bench.run();
    expect(await bench.parts.incidents.get(incident.id)).toMatchObject({ status: 'open' });
    expect(await bench.cases(incident.id)).toHaveLength(8);
    const types = (await bench.timeline(incident.id)).map(({ type }) => type);
    expect(types).toContain('incident-reopened');
    expect((await bench.pages(incident.id)).at(-1)?.kind).toBe('incident-reopened');
  });
});

describe('a case', () => {
  it('changes state with its entry, or not at all', async () => {
    const { id } = await open();
    const caseId = await move(id, 0, 'planned');
    const failing = bench.test.database.transaction(async (transaction) => {
      await bench.parts.cases.transition(transaction, {
        ...{ caseId, to: 'restoring', at: bench.clock.now(), words: 'x' },
      });
      throw new Error('cut off');
    });
    await expect(failing).rejects.toThrow('cut off');
    const story = (await bench.timeline(id)).filter((entry) => entry.caseId === caseId);
    expect(story.map(({ type, data }) => [type, data])).toMatchObject([
      ['case-added', {}],
      ['case-state-changed', { from: 'open', to: 'planned', words: 'because of the test' }],
    ]);
  });

  it('refuses what its table does not lead to, naming the order', async () => {
    const { id } = await open();
    await expect(move(id, 0, 'restoring')).rejects.toThrow(
      /the case of order S-.* cannot become restoring, because it is open/,
    );
  });

  it('moves many at once, or none', async () => {
    const { id } = await open();
    const caseIds = (await bench.cases(id)).map((one) => one.id);
    await move(id, 5, 'closed');
    const all = (to: CaseState, ids: string[]) =>
      bench.test.database.transaction((transaction) =>
        bench.parts.cases.transitionAll(transaction, {
          ...{ caseIds: ids, to, at: bench.clock.now(), words: 'plan 1' },
        }),
      );
    await expect(all('planned', caseIds)).rejects.toThrow('cannot become planned');
    expect((await bench.cases(id)).map(({ state }) => state)).not.toContain('planned');
    await all('planned', caseIds.slice(0, 5));
    expect((await bench.cases(id)).filter(({ state }) => state === 'planned')).toHaveLength(5);
  });

  it('is moved once where two try at once', async () => {
    const { id } = await open();
    const caseId = await move(id, 0, 'planned');
    const attempt = () =>
      bench.test.database.transaction((transaction) =>
        bench.parts.cases.transition(transaction, {
          ...{ caseId, to: 'restoring', at: bench.clock.now(), words: 'run 1' },
        }),
      );
    const tries = await Promise.allSettled([attempt(), attempt(), attempt()]);
    expect(tries.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });

  it('that comes back from a restore is judged anew, by what happened meanwhile', async () => {
    const { id } = await open();
    const caseId = await move(id, 0, 'planned', 'restoring', 'restored');
    const { orderId, cancelPosition } = (await bench.cases(id))[0]!;
    await bench.parts.cases.decideVerdict(bench.caller, {
      ...{ incidentId: id, caseId, verdict: 'wrongful', reason: 'the customer was asked' },
    });
    await bench.journal([
      { orderId, kinds: ['restored'], marker: { action: 'restore', itemId: 'i' } },
    ]);
    const again = { actorKind: 'customer', reason: 'changed my mind' } as const;
    await bench.cancel({ [orderId]: again });
    await bench.runIncidents();
    expect((await bench.cases(id))[0]).toMatchObject({ state: 'restored', cancelPosition });
    await move(id, 0, 'open');
    await bench.runIncidents();
    const judged = (await bench.cases(id))[0]!;
    expect(judged).toMatchObject({
      state: 'open',
      verdict: 'intended',
      verdictBy: null,
      ...{ actorKind: 'customer' },
    });
    expect(judged.cancelPosition).toBeGreaterThan(cancelPosition!);
    const before = await bench.timeline(id);
    expect(before.find(({ type }) => type === 'case-cancelled-again')).toMatchObject({
      caseId,
      data: {
        ...{ orderId, fromPosition: cancelPosition, toPosition: judged.cancelPosition },
        verdictDropped: true,
      },
    });
    await bench.runIncidents();
    expect(await bench.timeline(id)).toEqual(before);
  });
});

describe('the timeline under load', () => {
  it('has positions without holes, whoever writes at once', async () => {
    const { id } = await open();
    await Promise.all(
      Array.from({ length: 30 }, (_, index) =>
        bench.parts.incidents.comment(bench.caller, id, `comment ${index}`),
      ),
    );
    const positions = (await bench.timeline(id)).map(({ position }) => position);
    expect(positions).toEqual(positions.map((_, index) => index + 1));
    expect(positions).toHaveLength(7 + 30);
  });

  it('takes no entry whose data is not of its type', async () => {
    const { id } = await open();
    const wrong = { type: 'comment', data: { text: '' } } as const;
    await expect(
      bench.test.database.transaction((transaction) =>
        bench.parts.timeline.append(transaction, {
          ...wrong,
          ...{ incidentId: id, at: bench.clock.now() },
        }),
      ),
    ).rejects.toThrow();
    expect(await told(id)).toHaveLength(0);
  });
});
