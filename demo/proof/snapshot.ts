import { Client } from 'pg';
import { readStructure } from './structure.js';

/** A row as exact text per column: numbers are never rounded, nested JSON is one text. */
export type Row = Readonly<Record<string, string | null>>;

export interface TableSnapshot {
  keyColumns: readonly string[];
  /** By key: the key columns' values joined by '/'. */
  rows: ReadonlyMap<string, Row>;
}

/** One row change that the shop's own triggers wrote down. */
export interface LoggedWrite {
  id: number;
  role: string;
  transaction: string;
  /** With its schema, e.g. shop.orders. */
  table: string;
  key: string;
  operation: string;
  before: Row | null;
  after: Row | null;
}

/** One action that the shop's traffic meant to do, with the transaction that did it. */
export interface LedgerAction {
  id: number;
  transaction: string;
  action: string;
  orderId: string | null;
  /** The status that the order has once this is done, where the action is about an order. */
  status: string | null;
}

/** The shop's whole database at one moment, as a single transaction sees it. */
export interface Snapshot {
  takenAt: string;
  tables: ReadonlyMap<string, TableSnapshot>;
  /** Tables, columns, constraints, indexes, triggers and functions, each as one line of text. */
  structure: readonly string[];
  writes: readonly LoggedWrite[];
  ledger: readonly LedgerAction[];
}

/**
 * Reads every table of the schema `shop`, the shop's own write log and its traffic's ledger, in one
 * read-only transaction. The login must see both schemas: Reinstate's logins do not.
 */
export async function takeSnapshot(url: string): Promise<Snapshot> {
  const client = new Client({
    connectionString: url,
    application_name: 'proof',
    options: '-c statement_timeout=60s',
  });
  await client.connect();
  try {
    await client.query('BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY');
    const snapshot = await readSnapshot(client);
    await client.query('COMMIT');
    return snapshot;
  } finally {
    await client.end();
  }
}

/** The same in a transaction that the caller has begun. */
export async function readSnapshot(client: Client): Promise<Snapshot> {
  // The write log's images are rendered in UTC, too: both sides compare as text.
  await client.query(`SET LOCAL TimeZone = 'UTC'; SET LOCAL DateStyle = 'ISO'`);
  const now = await client.query<{ now: string }>('SELECT now()::text AS now');
  return {
    takenAt: now.rows[0]?.now ?? '',
    tables: await readTables(client),
    structure: await readStructure(client),
    writes: await readWrites(client),
    ledger: await readLedger(client),
  };
}

async function readTables(client: Client): Promise<Map<string, TableSnapshot>> {
  const found = await client.query<{ name: string; key_columns: string[] | null }>(
    `SELECT format('%I.%I', n.nspname, c.relname) AS name,
            (SELECT array_agg(a.attname::text ORDER BY array_position(i.indkey::int2[], a.attnum))
               FROM pg_index i
               JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
              WHERE i.indrelid = c.oid AND i.indisprimary) AS key_columns
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname = 'shop' AND c.relkind IN ('r', 'p') ORDER BY 1`,
  );
  const tables = new Map<string, TableSnapshot>();
  for (const { name, key_columns: keyColumns } of found.rows) {
    if (keyColumns === null) throw new Error(`${name} has no primary key: its rows have no names`);
    const result = await client.query<{ row: string }>(
      `SELECT to_jsonb(one)::text AS row FROM ${name} AS one`,
    );
    const rows = result.rows.map(({ row }) => parseRow(row));
    tables.set(name, {
      keyColumns,
      rows: new Map(rows.map((row) => [keyOf(row, keyColumns), row])),
    });
  }
  return tables;
}

async function readWrites(client: Client): Promise<LoggedWrite[]> {
  const result = await client.query<{
    id: string;
    role: string;
    transaction: string;
    table_name: string;
    key: string;
    operation: string;
    row_before: string | null;
    row_after: string | null;
  }>(
    `SELECT id, role, transaction_id::text AS transaction, table_name, key, operation,
            row_before::text AS row_before, row_after::text AS row_after
       FROM audit.write_log ORDER BY id`,
  );
  return result.rows.map((row) => ({
    id: Number(row.id),
    role: row.role,
    transaction: row.transaction,
    table: row.table_name,
    key: row.key,
    operation: row.operation,
    before: row.row_before === null ? null : parseRow(row.row_before),
    after: row.row_after === null ? null : parseRow(row.row_after),
  }));
}

async function readLedger(client: Client): Promise<LedgerAction[]> {
  const result = await client.query<{
    id: string;
    transaction: string;
    action: string;
    order_id: string | null;
    status: string | null;
  }>(
    `SELECT id, transaction_id::text AS transaction, action, order_id, changes ->> 'status' AS status
       FROM audit.generator_ledger ORDER BY id`,
  );
  return result.rows.map(({ order_id: orderId, id, ...rest }) => ({
    ...rest,
    id: Number(id),
    orderId,
  }));
}

type ReviverWithSource = (key: string, value: unknown, context: { source?: string }) => unknown;
// The language's reviver has had the number's own text since 2025; its type declaration has not.
const parseWithSource = JSON.parse as (text: string, reviver: ReviverWithSource) => unknown;

/** A JSON object of column values, each as its exact text. */
export function parseRow(json: string): Row {
  const parsed = parseWithSource(json, (_key, value, { source }) =>
    typeof value === 'number' ? (source ?? String(value)) : value,
  ) as Record<string, unknown>;
  return Object.fromEntries(Object.entries(parsed).map(([name, value]) => [name, asText(value)]));
}

function asText(value: unknown): string | null {
  if (value === null || typeof value === 'string') return value;
  return JSON.stringify(value);
}

function keyOf(row: Row, keyColumns: readonly string[]): string {
  return keyColumns.map((column) => row[column] ?? '').join('/');
}
