import { JsonClient } from '../../demo/story/json-client.js';
import type { Bench, BenchContext, Samples } from '../figure.js';
import { House } from '../setting/house.js';
import { fillIncident } from './fill.js';

const sizes = {
  full: { cases: 10_000, repetitions: 100 },
  quick: { cases: 1_000, repetitions: 10 },
};
const shopId = 'told';
const pageLength = 100;

/** What somebody who opens an incident waits for: the incident with its counts, its first cases, its story. */
export const incidentPageBench: Bench = {
  name: 'incident',
  title: 'Page of an incident with 10,000 cases',
  figures: [
    {
      name: 'incident-page',
      title: 'incident, 100 cases and 100 entries of the timeline, by the API',
      unit: 'ms',
      better: 'less',
      reference: 'plain SQL of the same rows and counts',
      aims: [{ of: 'value', words: 'none set' }],
    },
  ],
  run: measure,
};

async function measure(context: BenchContext): Promise<Map<string, Samples>> {
  const { cases, repetitions } = sizes[context.size];
  const house = await House.build(context, { shops: [{ id: shopId, name: 'Told shop' }] });
  await house.start();
  const id = await fillIncident(house, { shopId, cases });
  const responder = await house.as('responder');
  const measured: number[] = [];
  const reference: number[] = [];
  // the first look makes a process read and compile its own code
  await lookByApi(responder, { id, cases });
  for (let repetition = 0; repetition < repetitions; repetition += 1) {
    measured.push(await timed(() => lookByApi(responder, { id, cases })));
    reference.push(await timed(() => lookBySql(house, { id, cases })));
  }
  return new Map([['incident-page', { measured, reference }]]);
}

async function timed(work: () => Promise<void>): Promise<number> {
  const begun = performance.now();
  await work();
  return performance.now() - begun;
}

interface Look {
  readonly id: string;
  readonly cases: number;
}

async function lookByApi(client: JsonClient, { id, cases }: Look): Promise<void> {
  const [incident, page, timeline] = await Promise.all([
    client.get<{ cases: { total: number } }>(`/incidents/${id}`),
    client.get<{ items: unknown[] }>(`/incidents/${id}/cases?limit=${pageLength}`),
    client.get<{ items: unknown[] }>(`/incidents/${id}/timeline?limit=${pageLength}`),
  ]);
  check([incident.cases.total, page.items.length, timeline.items.length], cases);
}

async function lookBySql(house: House, { id, cases }: Look): Promise<void> {
  const [counts, page, timeline] = await Promise.all([
    house.query<{ count: number }>(
      `SELECT i.*, c.state, c.verdict, c.count FROM incident i, LATERAL (
         SELECT state, verdict, count(*)::int FROM incident_case WHERE incident_id = i.id GROUP BY state, verdict) c
       WHERE i.id = $1`,
      [id],
    ),
    house.query(
      'SELECT * FROM incident_case WHERE incident_id = $1 ORDER BY created_at, id LIMIT $2',
      [id, pageLength],
    ),
    house.query('SELECT * FROM timeline_entry WHERE incident_id = $1 ORDER BY position LIMIT $2', [
      id,
      pageLength,
    ]),
  ]);
  const total = counts.reduce((sum, { count }) => sum + count, 0);
  check([total, page.length, timeline.length], cases);
}

function check(seen: readonly number[], cases: number): void {
  const [total = 0, ...pages] = seen;
  if (total !== cases || pages.some((length) => length !== pageLength))
    throw new Error(`the page shows ${seen.join(', ')} instead of ${cases} cases`);
}
