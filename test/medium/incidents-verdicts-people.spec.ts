import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { IncidentHarness, orders, start } from '../support/incident-harness.js';

const minutes = 60_000;
let bench: IncidentHarness;
beforeAll(async () => {
  bench = await IncidentHarness.create();
});
afterAll(() => bench.close());

/** Opens an incident over these cancellations and lets it settle; resolves with its verdicts by order. */
async function verdictsOver(
  fingerprint: string,
  cancellations: Parameters<IncidentHarness['cancel']>[0],
): Promise<Record<string, string>> {
  bench.clock.set(start);
  await bench.find(fingerprint, await bench.cancel(cancellations));
  bench.clock.advance(minutes);
  await bench.run();
  return bench.verdicts((await bench.incidentOf(fingerprint)).id);
}

const distinct = (verdicts: Record<string, string>) => [...new Set(Object.values(verdicts))];

describe('cancellations that somebody may have meant', () => {
  it('one paid order through an API key: unsure; many for no reason: wrongful', async () => {
    const key = { actorKind: 'api', actor: 'storefront' } as const;
    expect(await verdictsOver('one', orders('one', 1, key))).toEqual({ one1: 'unsure' });
    expect(distinct(await verdictsOver('many', orders('many', 12, key)))).toEqual(['wrongful']);
  });

  it.each(['Customer cancelled via chat', 'Kunde hat storniert', 'payment missing, says customer'])(
    'many through an API key, "%s": unsure',
    async (reason) => {
      const prefix = reason.replace(/\W/g, '');
      const clicked = orders(prefix, 12, { actorKind: 'api', actor: 'storefront', reason });
      expect(distinct(await verdictsOver(prefix, clicked))).toEqual(['unsure']);
    },
  );

  // last, since the change stays near everything that is cancelled here
  it('staff without a reason, many orders that were paid after, near a deploy: never wrongful', async () => {
    await bench.test.database.query(
      `INSERT INTO change_mark (id, shop_id, what, kind, at, recorded_at)
       VALUES (gen_random_uuid(), 'shop', 'shop 4.2', 'deploy', $1, $2)`,
      [new Date(start.getTime() - minutes), start],
    );
    const sweep = orders('swept', 12, { actorKind: 'staff', actor: 'm.peters' });
    expect(distinct(await verdictsOver('swept', sweep))).toEqual(['unsure']);
    await bench.journal(
      Object.keys(sweep).map((orderId) => ({
        ...{ orderId, kinds: ['paid' as const] },
        ...{ statusBefore: null, statusAfter: null },
      })),
    );
    await bench.runIncidents();
    const { id } = await bench.incidentOf('swept');
    const [one] = await bench.cases(id);
    const against = one!.reasons.filter((reason) => reason.for === 'wrongful');
    expect(against.map(({ sign }) => sign)).toEqual([
      ...['money-held', 'near-in-time', 'paid-after', 'alike', 'after-change'],
    ]);
    expect(distinct(await bench.verdicts(id))).toEqual(['unsure']);
  });
});
