import { until } from '../../demo/story/waiting.js';
import { shopId, type BenchShop } from '../setting/bench-shop.js';
import type { House } from '../setting/house.js';

/** The slot of the bare client. */
export const bareSlot = 'bench_bare';

export interface Stream {
  readonly slot: string;
  readonly publication: string;
}

/** Slot and publication by which Reinstate follows the shop. */
export async function streamOf(house: House): Promise<Stream> {
  const [stream] = await house.query<Stream>(
    `SELECT slot_name AS slot, publication_name AS publication FROM replication_stream WHERE shop_id = $1`,
    [shopId],
  );
  if (stream === undefined) throw new Error('Reinstate does not follow the shop');
  return stream;
}

/** A new slot for the bare client, which sees what comes from now on. */
export async function makeBareSlot(shop: BenchShop): Promise<void> {
  await shop.pool.query('SELECT pg_create_logical_replication_slot($1, $2)', [
    bareSlot,
    'pgoutput',
  ]);
}

export async function dropBareSlot(shop: BenchShop): Promise<void> {
  await until(
    'the bare client to be gone',
    async () => {
      const { rows } = await shop.pool.query<{ free: boolean }>(
        `SELECT NOT active AS free FROM pg_replication_slots WHERE slot_name = $1`,
        [bareSlot],
      );
      return rows[0]?.free === true || undefined;
    },
    { timeoutMs: 30_000 },
  );
  await shop.pool.query('SELECT pg_drop_replication_slot($1)', [bareSlot]);
}

/** When the connection that reads the slot was opened, in milliseconds since 1970; undefined while none does. */
export async function readingSince(shop: BenchShop, slot: string): Promise<number | undefined> {
  const { rows } = await shop.pool.query<{ since: number }>(
    `SELECT extract(epoch FROM a.backend_start)::float8 * 1000 AS since
       FROM pg_replication_slots s JOIN pg_stat_activity a ON a.pid = s.active_pid WHERE s.slot_name = $1`,
    [slot],
  );
  return rows[0]?.since;
}
