import pg from 'pg';
import { ToldFailure } from './shop-problem.js';
import {
  closeClient,
  connectShop,
  replicationConfig,
  shopConnection,
  withShop,
  type ShopSession,
} from './shop-server.js';

/** A new slot, with the snapshot that fits its consistent point; good for as long as it is not released. */
export interface HeldSlot {
  /** changes committed before are in the snapshot, all later ones come in the stream */
  readonly consistentPoint: string;
  readonly snapshotName: string;
  /** Lets go of the snapshot; the slot stays, unless it is a temporary one. */
  release(): Promise<void>;
}

export interface SlotOptions {
  /** replicate credential */
  readonly url: string;
  readonly slotName: string;
  /** gone with the connection; only its snapshot is wanted */
  readonly temporary: boolean;
  /** how long the shop's running transactions may hold it up */
  readonly limitMs: number;
  /** told every few seconds while it waits, with the processes that hold it up */
  readonly blocked?: (blockers: readonly string[]) => Promise<void>;
  /** gives up when it is aborted: the server then waits no longer, and no slot is left */
  readonly signal?: AbortSignal | undefined;
}

/** The slot could not be made in time: a slot has to wait for the transactions that were running. */
export class SlotBlocked extends ToldFailure {
  override readonly name = 'SlotBlocked';

  constructor(readonly blockers: readonly string[]) {
    super(
      'the replication slot waits for transactions that are still running' +
        (blockers.length === 0 ? '' : `: ${blockers.join('; ')}`),
    );
  }
}

const blockedIntervalMs = 2_000;

/** Longest that anybody waits for a server to let go: somebody may have pressed Ctrl-C. */
const goodbyeMs = 3_000;

/**
 * Creates a slot; throws SlotBlocked where running transactions held it up for longer than the limit, and
 * the signal's reason when that is aborted.
 */
export async function createSlot(options: SlotOptions): Promise<HeldSlot> {
  options.signal?.throwIfAborted();
  const client = await connectShop(replicationConfig(options.url, { statementLimitMs: null }));
  try {
    const creation = client.query<{ consistent_point: string; snapshot_name: string }>(
      `CREATE_REPLICATION_SLOT ${pg.escapeIdentifier(options.slotName)} ${options.temporary ? 'TEMPORARY ' : ''}` +
        'LOGICAL pgoutput EXPORT_SNAPSHOT',
    );
    const { rows } = await untilCreated(creation, { options, pid: processIdOf(client) });
    const [row] = rows;
    if (row === undefined) throw new Error('the server did not describe the new slot');
    return {
      consistentPoint: row.consistent_point,
      snapshotName: row.snapshot_name,
      release: () => closeClient(client),
    };
  } catch (error) {
    await closeClient(client);
    throw error;
  }
}

async function untilCreated<T>(
  creation: Promise<T>,
  { options, pid }: { options: SlotOptions; pid: number },
): Promise<T> {
  const watch = new AbortController();
  const overdue = watchBlockers({ options, pid, signal: watch.signal });
  try {
    return await Promise.race([creation, overdue, aborted(options.signal, watch.signal)]);
  } catch (error) {
    // closing the connection would not end the wait: the server only looks when it is over. A server that
    // does not answer either has to be left to itself: the slot is dropped before the next one is made.
    await endProcess(options.url, pid).catch(() => undefined);
    await Promise.race([creation.catch(() => undefined), delay(goodbyeMs, watch.signal)]);
    throw error;
  } finally {
    watch.abort();
  }
}

/** Never resolves; rejects with the signal's reason when it is aborted, until `over`. */
async function aborted(signal: AbortSignal | undefined, over: AbortSignal): Promise<never> {
  return new Promise<never>((_resolve, reject) => {
    const give = (): void => reject(reasonOf(signal));
    if (signal?.aborted === true) give();
    signal?.addEventListener('abort', give, { once: true });
    over.addEventListener('abort', () => signal?.removeEventListener('abort', give));
  });
}

function reasonOf(signal: AbortSignal | undefined): Error {
  const reason: unknown = signal?.reason;
  return reason instanceof Error ? reason : new Error('given up');
}

/** Never resolves; rejects with SlotBlocked when the limit is over. */
async function watchBlockers(given: {
  options: SlotOptions;
  pid: number;
  signal: AbortSignal;
}): Promise<never> {
  const { options, pid, signal } = given;
  const deadline = performance.now() + options.limitMs;
  while (performance.now() < deadline) {
    await delay(Math.min(blockedIntervalMs, deadline - performance.now()), signal);
    if (signal.aborted) break;
    await options.blocked?.(await blockersOf(options.url, pid));
  }
  if (signal.aborted) return new Promise<never>(() => undefined);
  throw new SlotBlocked(await blockersOf(options.url, pid));
}

/** Waits, or less where the signal is aborted. */
export async function delay(milliseconds: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    signal.addEventListener('abort', done);
  });
}

/** The processes that another one waits for: who they are, never what they do (it may be personal). */
async function blockersOf(url: string, pid: number): Promise<string[]> {
  return withShop(shopConnection(url), async (client) => {
    const { rows } = await client.query<{ blocker: string }>(
      `SELECT CASE WHEN blocking.pid = 0 THEN 'a prepared transaction'
         ELSE format('process %s of %s (%s)', blocking.pid, coalesce(activity.usename, '?'),
           coalesce(nullif(activity.application_name, ''), 'unnamed')) END AS blocker
       FROM unnest(pg_blocking_pids($1)) AS blocking(pid) LEFT JOIN pg_stat_activity activity USING (pid)`,
      [pid],
    );
    return [...new Set(rows.map((row) => row.blocker))];
  });
}

async function endProcess(url: string, pid: number): Promise<void> {
  const limits = { connectLimitMs: goodbyeMs, statementLimitMs: goodbyeMs };
  await withShop(shopConnection(url, limits), (client) =>
    client.query('SELECT pg_terminate_backend($1)', [pid]),
  );
}

/** Drops a slot of this database, if there is one, after ending whoever still streams from it. */
export async function dropSlot(
  url: string,
  slotName: string,
  session: Pick<ShopSession, 'signal'> = {},
): Promise<void> {
  await withShop(shopConnection(url, session), async (client) => {
    await client.query(
      `SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots
       WHERE slot_name = $1 AND database = current_database() AND active_pid IS NOT NULL`,
      [slotName],
    );
    await waitUntilIdle(client, slotName);
    await client.query(
      `SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots
       WHERE slot_name = $1 AND database = current_database()`,
      [slotName],
    );
  });
}

/**
 * Ends a session that streams from the slot. A connection of ours that was cut by the network holds the
 * slot until the server notices, which takes it a minute; nobody else can stream until then.
 */
export async function endStreaming(
  url: string,
  given: { slotName: string; pid: number },
  session: Pick<ShopSession, 'signal'> = {},
): Promise<void> {
  await withShop(shopConnection(url, session), async (client) => {
    await client.query(
      `SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots
       WHERE slot_name = $1 AND active_pid = $2 AND database = current_database()`,
      [given.slotName, given.pid],
    );
    await waitUntilIdle(client, given.slotName);
  });
}

const idleChecks = 50;
const idleCheckMs = 100;

async function waitUntilIdle(client: pg.Client, slotName: string): Promise<void> {
  for (let check = 0; check < idleChecks; check += 1) {
    const { rowCount } = await client.query(
      'SELECT 1 FROM pg_replication_slots WHERE slot_name = $1 AND active',
      [slotName],
    );
    if (rowCount === 0) return;
    await new Promise((resolve) => setTimeout(resolve, idleCheckMs));
  }
}

/** The server process behind a connection; the driver knows it, its types do not say so. */
export function processIdOf(client: pg.Client): number {
  const { processID } = client as pg.Client & { readonly processID: number };
  return processID;
}
