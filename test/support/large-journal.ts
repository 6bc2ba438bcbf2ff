import type pg from 'pg';
import { newId } from '../../src/platform/ids.js';
import { withClient, type ReinstateTestDatabase } from './postgres.js';

export interface LargeJournal {
  /** of three months, one of them without a partition of its own; every tenth is a cancellation, by one job or another */
  readonly entries: number;
  /** an incident that was found has so many wrongful cases: the newest of one job, but for the last two */
  readonly cases: number;
}

export interface LargeIncident {
  readonly id: string;
  readonly shopId: string;
  /** of the incident's first case */
  readonly firstPosition: number;
  readonly head: number;
}

const start = '2026-01-05T00:00:00Z';
const partitioned = ['2026-01-05', '2026-03-05'];
/** Of two cancellations one is the harm's. */
const positionsPerHarm = 20;

/**
 * Fills Reinstate's own database as months of a shop would, with the entries' usual weight, and has
 * PostgreSQL count it as its autovacuum does: partition by partition.
 */
export async function fillLargeJournal(
  database: ReinstateTestDatabase,
  { entries, cases }: LargeJournal,
): Promise<LargeIncident> {
  const incident = {
    id: newId(),
    shopId: 'large',
    firstPosition: entries - (cases + 1) * positionsPerHarm,
    head: entries,
  };
  await withClient(database.url, async (client) => {
    await client.query('SET search_path = reinstate');
    await client.query(
      `INSERT INTO shop (id, name, profile_name, profile_hash, journal_head, created_at)
       VALUES ($1, 'Large', 'p', 'h', $2, $3)`,
      [incident.shopId, entries, start],
    );
    await addEntries(client, incident);
    await addIncident(client, incident);
    const leaves = await client.query<{ name: string }>(
      `SELECT relid::text AS name FROM pg_partition_tree('journal_entry') WHERE isleaf`,
    );
    for (const { name } of leaves.rows) await client.query(`VACUUM ANALYZE ${name}`);
    await client.query('ANALYZE incident, incident_case, incident_alert, alert, finding_entry');
  });
  return incident;
}

async function addEntries(client: pg.Client, { shopId, head }: LargeIncident): Promise<void> {
  for (const month of partitioned) await client.query('SELECT make_journal_partition($1)', [month]);
  const orders = Math.floor(head / 3) + 1;
  await client.query(
    `INSERT INTO journal_entry (shop_id, position, committed_at, recorded_at, incarnation, commit_lsn, transaction_id,
       order_id, kinds, actor_kind, actor, reason, attributes, row_changes, snapshot)
     SELECT $1, p, moment, moment, 'i', ('0/' || to_hex(p))::pg_lsn, p, 'o' || p % $3::int,
       CASE WHEN cancels THEN '{cancelled,changed}'::text[] ELSE '{changed}' END,
       CASE WHEN cancels THEN 'job' ELSE 'customer' END,
       CASE WHEN cancels AND p % $5::int = 0 THEN 'unpaid-orders' WHEN cancels THEN 'clean-up' END,
       CASE WHEN cancels THEN 'payment not received' END, '{"channel":"web","warehouse":"LEJ"}',
       jsonb_build_array(jsonb_build_object('table', 'shop.orders', 'before', repeat(md5(p::text), 12))),
       CASE WHEN cancels THEN '{"payments":[{"heldMinor":"900","refundedMinor":"0"}]}'::jsonb END
     FROM generate_series(1, $2::int) p, LATERAL (SELECT p % 10 = 0 AS cancels,
       $4::timestamptz + p * (interval '80 days' / $2::int) AS moment) at
     ORDER BY p`,
    [shopId, head, orders, start, positionsPerHarm],
  );
}

/** Found by a detector, which has read all; its finding names what became cases. */
async function addIncident(client: pg.Client, incident: LargeIncident): Promise<void> {
  const { id, shopId, firstPosition, head } = incident;
  const finding = newId();
  const alert = newId();
  const [opened] = (
    await client.query<{ at: Date }>(
      'SELECT committed_at AS at FROM journal_entry WHERE shop_id = $1 AND position = $2',
      [shopId, firstPosition],
    )
  ).rows;
  await client.query(
    `INSERT INTO detector_state (shop_id, detector, position, revision, state, state_position, saved_at)
     VALUES ($1, 'd', $2, 1, '{}', $2, $3)`,
    [shopId, head, opened?.at],
  );
  await client.query(
    `INSERT INTO finding (id, shop_id, detector, fingerprint, state, slice, sentence, measure, first_event_at,
       last_event_at, found_at)
     VALUES ($1, $2, 'd', 'f', 'live', '{}', 's', '{}', $3, $3, $3)`,
    [finding, shopId, opened?.at],
  );
  await client.query(
    `INSERT INTO alert (id, shop_id, finding_id, finding_version, name, fingerprint, state, labels, annotations, starts_at)
     VALUES ($1, $2, $3, 1, 'WrongfulCancellations', 'f', 'firing', '{}', '{}', $4)`,
    [alert, shopId, finding, opened?.at],
  );
  await client.query(
    `INSERT INTO incident (id, shop_id, fingerprint, alert_id, title, severity, status, journal_position, opened_at)
     VALUES ($1, $2, 'f', $3, 't', 'high', 'open', $4, $5)`,
    [id, shopId, alert, head, opened?.at],
  );
  await client.query(`INSERT INTO incident_alert VALUES ($1, $2, 1, 'firing', $3)`, [
    ...[alert, id, opened?.at],
  ]);
  await addCases(client, incident, finding);
}

async function addCases(
  client: pg.Client,
  { id, shopId, firstPosition, head }: LargeIncident,
  finding: string,
): Promise<void> {
  const lastPosition = head - 2 * positionsPerHarm;
  const theirs = `FROM journal_entry WHERE shop_id = $1 AND position BETWEEN $2 AND $3 AND actor = 'unpaid-orders'`;
  await client.query(
    `INSERT INTO finding_entry SELECT $4, position, order_id, committed_at ${theirs}`,
    [shopId, firstPosition, lastPosition, finding],
  );
  await client.query(
    `INSERT INTO incident_case (id, incident_id, shop_id, order_id, state, verdict, reasons, facts, evidence,
       cancel_position, cancelled_at, actor_kind, actor, cancel_reason, held_minor, created_at, updated_at)
     SELECT gen_random_uuid(), $4, shop_id, order_id, 'open', 'wrongful', '[]', '{"inHistory":true}', 'journal',
       position, committed_at, actor_kind, actor, reason, 900, committed_at, committed_at ${theirs}`,
    [shopId, firstPosition, lastPosition, id],
  );
}
