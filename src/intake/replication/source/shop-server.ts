import { Socket } from 'node:net';
import pg from 'pg';
import { Fault } from '../../../platform/errors.js';
import { pinnedOptions } from '../../../platform/database/connect.js';
import { shopProblem } from './shop-problem.js';

const connectTimeoutMs = 10_000;

/** Far beyond any look at a catalogue; a shop that hangs is noticed by then. */
const statementLimitMs = 15_000;

/** A server that does not answer at all is found out this much later than a statement that takes too long. */
const silenceMs = 2_000;

/** When the operating system begins to ask whether the other end is still there. */
const keepAliveDelayMs = 10_000;

/** How one session with a shop differs from the usual. */
export interface ShopSession {
  /** further settings of the server */
  readonly settings?: Readonly<Record<string, string>>;
  readonly connectLimitMs?: number;
  /** longest that one statement may take; null for one that waits for others, whose caller watches it */
  readonly statementLimitMs?: number | null;
  /** cuts the connection off at once, whatever it is waiting for */
  readonly signal?: AbortSignal | undefined;
}

/** What the shop's server says about itself and about our slot. */
export interface SourceFacts {
  readonly systemIdentifier: string;
  readonly timeline: number;
  readonly currentLsn: string;
  /** most write-ahead log that a slot may hold back; null where the server sets no bound */
  readonly walKeepBytes: number | null;
  /** null where there is no such slot */
  readonly slot: SlotFacts | null;
}

export interface SlotFacts {
  /** reserved, extended, unreserved, or lost */
  readonly walStatus: string | null;
  readonly confirmedLsn: string;
  readonly restartLsn: string | null;
  /** process id of the connection that streams from it */
  readonly activePid: number | null;
}

/**
 * How to connect to a shop: settings on which printed values depend are pinned, a session that waits
 * inside a transaction (for a snapshot, for a slot) is not cut off by the server, and no statement is
 * waited for without a limit, neither by the server nor, where that has gone silent, by us.
 */
export function shopConnection(url: string, session: ShopSession = {}): pg.ClientConfig {
  const parsed = parseUrl(url);
  const given = parsed.searchParams.get('options') ?? '';
  const limitMs =
    session.statementLimitMs === undefined ? statementLimitMs : session.statementLimitMs;
  const pinned = pinnedOptions({
    idle_in_transaction_session_timeout: '0',
    statement_timeout: String(limitMs ?? 0),
    ...session.settings,
  });
  parsed.searchParams.set('options', `${given} ${pinned}`.trim());
  return {
    connectionString: parsed.href,
    connectionTimeoutMillis: session.connectLimitMs ?? connectTimeoutMs,
    ...(limitMs === null ? {} : { query_timeout: limitMs + silenceMs }),
    keepAlive: true,
    keepAliveInitialDelayMillis: keepAliveDelayMs,
    application_name: 'reinstate',
    ...(session.signal === undefined ? {} : { stream: cutSocket(session.signal) }),
  };
}

/** Makes sockets that are destroyed when the signal is aborted, also while they still connect. */
function cutSocket(signal: AbortSignal): () => Socket {
  return () => {
    const socket = new Socket();
    const cut = (): void => void socket.destroy();
    signal.addEventListener('abort', cut);
    socket.once('close', () => signal.removeEventListener('abort', cut));
    // one that is destroyed before it connects would come back to life
    if (signal.aborted) setImmediate(cut);
    return socket;
  };
}

/** Runs `work` with a connection to a shop that is closed afterwards. Throws Fault `shop-unreachable`. */
export async function withShop<T>(
  config: pg.ClientConfig,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = await connectShop(config);
  try {
    return await work(client);
  } finally {
    await closeClient(client);
  }
}

export async function connectShop(config: pg.ClientConfig): Promise<pg.Client> {
  const client = new pg.Client(config);
  // a connection lost while nobody waits for it shows at its next use
  client.on('error', () => undefined);
  try {
    await client.connect();
    return client;
  } catch (error) {
    const who = client.user ?? 'the configured role';
    throw new Fault(
      'unavailable',
      'shop-unreachable',
      `cannot connect to the shop’s database as ${who}: ${shopProblem(error)}`,
    );
  }
}

/** Longest wait for a server to say goodbye. */
const goodbyeMs = 2_000;

/** Closes a connection, also one whose other end is gone. */
export async function closeClient(client: pg.Client): Promise<void> {
  const timer = setTimeout(() => client.connection.stream.destroy(), goodbyeMs);
  try {
    await client.end();
  } catch {
    client.connection.stream.destroy();
  } finally {
    clearTimeout(timer);
  }
}

/** Reads the server's identity and the slot's state over the replicate credential. */
export async function readSource(
  replicateUrl: string,
  slotName: string,
  session: Pick<ShopSession, 'signal'> = {},
): Promise<SourceFacts> {
  return withShop(replicationConfig(replicateUrl, session), async (client) => {
    const identity = await identify(client);
    const walKeepBytes = await readWalKeep(client);
    const slot = await readSlot(client, slotName);
    return { ...identity, walKeepBytes, slot };
  });
}

/** Connection that speaks the replication protocol, and plain SQL without parameters besides. */
export function replicationConfig(url: string, session: ShopSession = {}): pg.ClientConfig {
  const settings = { lock_timeout: '0', ...session.settings };
  const config: pg.ClientConfig & { replication: 'database' } = {
    ...shopConnection(url, { ...session, settings }),
    replication: 'database',
  };
  return config;
}

async function identify(client: pg.Client): Promise<Omit<SourceFacts, 'slot' | 'walKeepBytes'>> {
  const { rows } = await client.query<{
    systemid: string;
    // bigint, and so text, from PostgreSQL 16 on
    timeline: number | string;
    xlogpos: string;
  }>('IDENTIFY_SYSTEM');
  const [row] = rows;
  if (row === undefined) throw new Error('the shop’s server did not identify itself');
  return {
    systemIdentifier: row.systemid,
    timeline: Number(row.timeline),
    currentLsn: row.xlogpos,
  };
}

async function readWalKeep(client: pg.Client): Promise<number | null> {
  // megabytes, -1 for none; as text, whatever the driver makes of numbers
  const { rows } = await client.query<{ setting: string }>(
    `SELECT setting FROM pg_catalog.pg_settings WHERE name = 'max_slot_wal_keep_size'`,
  );
  const megabytes = Number(rows[0]?.setting ?? -1);
  return megabytes < 0 ? null : megabytes * 2 ** 20;
}

interface SlotRow {
  wal_status: string | null;
  confirmed: string | null;
  restart: string | null;
  active_pid: number | null;
}

/** The slot, or null; a connection of the replication protocol takes no parameters, so the name is a literal. */
async function readSlot(client: pg.Client, slotName: string): Promise<SlotFacts | null> {
  const { rows } = await client.query<SlotRow>(
    `SELECT wal_status, confirmed_flush_lsn::text AS confirmed, restart_lsn::text AS restart, active_pid
     FROM pg_catalog.pg_replication_slots WHERE slot_name = ${pg.escapeLiteral(slotName)} AND database = current_database()`,
  );
  const [row] = rows;
  if (row === undefined) return null;
  return {
    walStatus: row.wal_status,
    confirmedLsn: row.confirmed ?? '0/0',
    restartLsn: row.restart,
    activePid: row.active_pid,
  };
}

function parseUrl(url: string): URL {
  try {
    return new URL(url);
  } catch {
    // the message of the failure would hold the password
    throw new Fault('invalid', 'credential-unreadable', 'the connection URL cannot be read');
  }
}
