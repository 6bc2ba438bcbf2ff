import type { House } from '../setting/house.js';

/** Every so many entries one is a cancellation by the shop's job; the others place orders and change them. */
const entriesPerCancellation = 25;
/** So long ago the first entry was written. */
const days = 25;

interface Filling {
  readonly shopId: string;
  readonly entries: number;
}

/** Fills the journal with what a shop tells in some weeks, as weighty as usual. The product runs meanwhile. */
export async function fillJournal(house: House, { shopId, entries }: Filling): Promise<void> {
  await house.query(
    `SELECT make_journal_partition(now() - make_interval(days => $1) * (month / 2.0)) FROM generate_series(0, 2) month`,
    [days],
  );
  // one transaction: nobody sees a part of it
  await house.query(
    `WITH written AS (
       INSERT INTO journal_entry (shop_id, position, committed_at, recorded_at, incarnation, commit_lsn, transaction_id,
         order_id, kinds, actor_kind, actor, reason, customer_id, attributes, row_changes, snapshot)
       SELECT $1, p, moment, moment, 'http', ('0/' || to_hex(p))::pg_lsn, p, 'o' || p / 2,
         CASE WHEN p % $3 = 0 THEN '{cancelled}'::text[] WHEN p % 2 = 0 THEN '{placed}' ELSE '{changed}' END,
         CASE WHEN p % $3 = 0 THEN 'job' ELSE 'customer' END, CASE WHEN p % $3 = 0 THEN 'unpaid-orders' END,
         CASE WHEN p % $3 = 0 THEN 'payment not received' END, 'c' || p % 20000,
         jsonb_build_object('channel', (ARRAY['web', 'ios'])[1 + p % 2], 'warehouse', 'LEJ', 'region', 'R' || p % 16),
         jsonb_build_array(jsonb_build_object('table', 'event.order', 'before', repeat(md5(p::text), 12))),
         NULL
       FROM generate_series(1, $2::int) p,
         LATERAL (SELECT now() - make_interval(days => $4) * (1 - p::float8 / $2) AS moment) at)
     UPDATE shop SET journal_head = $2 WHERE id = $1`,
    [shopId, entries, entriesPerCancellation, days],
  );
}

/** An incident that somebody declared, with so many cases and the timeline of their coming. Gives its id. */
export async function fillIncident(
  house: House,
  { shopId, cases }: { shopId: string; cases: number },
): Promise<string> {
  const responder = await house.as('responder');
  const { id } = await responder.post<{ id: string }>('/incidents', {
    shop: shopId,
    since: new Date(Date.now() - 3_600_000).toISOString(),
    filter: { actor: 'nobody' },
    reason: 'customers call',
  });
  await house.query(
    `INSERT INTO incident_case (id, incident_id, shop_id, order_id, order_number, state, verdict, reasons, facts,
       evidence, cancel_position, cancelled_at, actor_kind, actor, cancel_reason, held_minor, total_minor, currency,
       created_at, updated_at)
     SELECT gen_random_uuid(), $1, $2, 'o' || n, 'N-' || n, (ARRAY['open', 'restored', 'person'])[1 + n % 3],
       CASE WHEN n % 10 = 0 THEN 'unsure' ELSE 'wrongful' END, '[]', '{"inHistory":true}', 'journal', n, now(), 'job',
       'unpaid-orders', 'payment not received', 900, 900, 'EUR', now(), now()
     FROM generate_series(1, $3::int) n`,
    [id, shopId, cases],
  );
  await house.query(
    `WITH told AS (
       UPDATE incident SET timeline_head = timeline_head + $2 WHERE id = $1 RETURNING timeline_head - $2 AS before)
     INSERT INTO timeline_entry (incident_id, position, at, type, case_id, data)
     SELECT $1, before + row_number() OVER (ORDER BY id), now(), 'case-added', id,
       jsonb_build_object('orderId', order_id, 'verdict', verdict, 'evidence', evidence)
     FROM incident_case, told WHERE incident_id = $1`,
    [id, cases],
  );
  await house.query('ANALYZE incident, incident_case, timeline_entry');
  return id;
}
