import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { pause, until } from '../../demo/story/waiting.js';
import type { BenchContext } from '../figure.js';
import { shopId, type BenchShop } from '../setting/bench-shop.js';
import type { House } from '../setting/house.js';
import type { BareAnswer, BareOrder } from './bare-process.js';
import { bareSlot, dropBareSlot, makeBareSlot, readingSince, type Stream } from './slots.js';

export interface Scene {
  readonly context: BenchContext;
  readonly shop: BenchShop;
  readonly house: House;
  readonly stream: Stream;
}

/** What the shop does while nobody reads. */
export interface Load {
  readonly make: () => Promise<void>;
  readonly transactions: number;
  /** once it stands in the journal, all of the load does */
  readonly lastOrder: number;
  readonly bareFirst: boolean;
}

/** Changes a second, by both, and what the shop wrote to its log. */
export interface Taken {
  readonly changes: number;
  readonly product: number;
  readonly bare: number;
  readonly written: number;
}

const patienceMs = 600_000;

/** The load is made while Reinstate is stopped; then it takes it in, and the bare client reads the same from a slot of its own. */
export async function takeIn(scene: Scene, load: Load): Promise<Taken> {
  const { shop, house, stream, context } = scene;
  await house.stop();
  await makeBareSlot(shop);
  const from = await writtenUpTo(shop);
  await load.make();
  const written = (await writtenUpTo(shop)) - from;
  let productMs = 0;
  let bare = { changes: 0, ms: 0 };
  const theProduct = async () => (productMs = await caughtUp(scene, load.lastOrder));
  const theBare = async () => (bare = await readBare(scene, load.transactions));
  if (load.bareFirst) await theBare();
  await theProduct();
  if (!load.bareFirst) {
    await settled(house);
    await theBare();
  }
  await dropBareSlot(shop);
  const { changes, ms } = bare;
  const rates = { product: (changes * 1000) / productMs, bare: (changes * 1000) / ms };
  context.say(
    `${changes} changes in ${load.transactions} transaction(s) of ${stream.publication}: ${Math.round(rates.product)}/s, bare ${Math.round(rates.bare)}/s`,
  );
  return { changes, written, ...rates };
}

/** Milliseconds from the moment at which its connection is open until all of the load stands in the journal. */
async function caughtUp({ shop, house, stream }: Scene, lastOrder: number): Promise<number> {
  const starting = house.start();
  const limit = { timeoutMs: patienceMs, everyMs: 5 };
  const since = await until('Reinstate to read', () => readingSince(shop, stream.slot), limit);
  const isThere = async () => {
    const rows = await house.query(
      `SELECT FROM journal_entry WHERE shop_id = $1 AND order_id = $2 AND kinds && '{placed,cancelled}'`,
      [shopId, String(lastOrder)],
    );
    return rows.length > 0 || undefined;
  };
  await until('the journal to have all', isThere, { timeoutMs: patienceMs, everyMs: 20 });
  const doneAt = Date.now();
  await starting;
  return doneAt - since;
}

/** Detection and incidents go on with what came in; the bare client is not to share the processor with them. */
async function settled(house: House): Promise<void> {
  const isIdle = async () => {
    const [row] = await house.query<{ idle: boolean }>(
      `SELECT bool_and(d.position >= s.journal_head) AS idle FROM shop s JOIN detector_state d ON d.shop_id = s.id`,
    );
    return row?.idle === true || undefined;
  };
  await until('detection to have read all', isIdle, { timeoutMs: patienceMs, everyMs: 100 });
  await pause(1_000);
}

/** The bare client, in a process of its own as well. */
async function readBare(
  { shop, stream, context }: Scene,
  transactions: number,
): Promise<{ changes: number; ms: number }> {
  const script = fileURLToPath(new URL('./bare-process.js', import.meta.url));
  const child = fork(script, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  context.endings.add(() => Promise.resolve(child.kill()));
  const answer = once(child, 'message') as Promise<[BareAnswer]>;
  const failed = once(child, 'exit').then(() => {
    throw new Error('the bare client ended before it had read everything');
  });
  failed.catch(() => undefined);
  const url = shop.credentials.replicate;
  const order: BareOrder = { url, slot: bareSlot, publication: stream.publication, transactions };
  child.send(order);
  const limit = { timeoutMs: patienceMs, everyMs: 5 };
  const reading = until('the bare client to read', () => readingSince(shop, bareSlot), limit);
  const [since, [{ changes, doneAt }]] = await Promise.all([
    reading,
    Promise.race([answer, failed]),
  ]);
  return { changes, ms: doneAt - since };
}

/** Bytes of write-ahead log that the shop's server has written. */
async function writtenUpTo(shop: BenchShop): Promise<number> {
  const { rows } = await shop.pool.query<{ bytes: number }>(
    `SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::float8 AS bytes`,
  );
  return rows[0]?.bytes ?? 0;
}
