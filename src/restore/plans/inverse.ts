import { ok, refuse, type Result } from '../../platform/result.js';
import type { JournalEntry } from '../../orders/order-event.js';
import {
  changedColumns,
  type ColumnValue,
  type RowChange,
  type RowImage,
} from '../../orders/row-change.js';
import type { ColumnRole, Profile, TableMapping } from '../../shops/profile.js';
import type { InsertedValue, PlannedChange } from '../../shops/shop-adapter.js';
import {
  countersOf,
  explainedMoves,
  firstDisagreement,
  observedMoves,
  sumMoves,
  type CounterMove,
} from './counters.js';
import { oppositeDecimal } from './decimal.js';
import { evidenceMissing, type Refusal } from './refusal.js';
import { fitsFilter } from '../../shops/row-filter.js';
import { resolveTemplate, type TemplateContext } from './template.js';

export interface InverseInput {
  readonly profile: Profile;
  readonly orderId: string;
  /** id of the plan item: templates may write it into the rows they add */
  readonly itemId: string;
  /** the net changes of the span to the order's own rows */
  readonly net: readonly RowChange[];
  /** the source transactions of the span's entries */
  readonly transactions: readonly SpanTransaction[];
}

/**
 * The exact writes that take a cancellation back: value columns to their before-image, shared counters
 * by the opposite amount, ledgers by compensating rows, and the profile's rows to add. Pure. It refuses
 * the order whole where the journal or the profile does not say all of it.
 */
export function inverseOfSpan(input: InverseInput): Result<PlannedChange[], Refusal> {
  const context = orderContext(input);
  const rows = inverseOfRows(input, context);
  if (!rows.ok) return rows;
  const moves = movesBack(input);
  if (!moves.ok) return moves;
  const appended = appendedRows(input.profile, context);
  if (!appended.ok) return appended;
  return ok(inWritingOrder([...rows.value, ...moves.value, ...appended.value]));
}

/** Rows first, then counters by table and key (so that no two restores wait for each other), then new rows. */
export function inWritingOrder(changes: readonly PlannedChange[]): PlannedChange[] {
  const sets = changes.filter((change) => change.do === 'set');
  const deletes = changes.filter((change) => change.do === 'delete');
  const moves = changes.filter((change) => change.do === 'move').sort(byCounter);
  const inserts = changes.filter((change) => change.do === 'insert');
  return [...sets, ...deletes, ...moves, ...inserts];
}

type Move = Extract<PlannedChange, { do: 'move' }>;

function byCounter(left: Move, right: Move): number {
  const name = ({ table, key, column }: Move) => JSON.stringify([table, key, column]);
  return name(left) < name(right) ? -1 : 1;
}

function orderContext(input: InverseInput): Omit<TemplateContext, 'row'> {
  const order = input.net.find((change) => change.table === input.profile.order.table);
  return {
    orderId: input.orderId,
    itemId: input.itemId,
    before: order?.before ?? null,
    after: order?.after ?? null,
  };
}

/** Newest change first, so that a parent row is back before its children. */
function inverseOfRows(
  input: InverseInput,
  context: Omit<TemplateContext, 'row'>,
): Result<PlannedChange[], Refusal> {
  const changes: PlannedChange[] = [];
  for (const change of [...input.net].reverse()) {
    const mapping = input.profile.tables[change.table];
    if (mapping === undefined)
      return evidenceMissing(
        `the profile does not map ${change.table}, which the cancellation changed`,
      );
    const inverse = inverseOfRow({ change, mapping, context });
    if (!inverse.ok) return inverse;
    if (inverse.value !== undefined) changes.push(inverse.value);
  }
  return ok(changes);
}

interface RowInput {
  readonly change: RowChange;
  readonly mapping: TableMapping;
  readonly context: Omit<TemplateContext, 'row'>;
}

function inverseOfRow(input: RowInput): Result<PlannedChange | undefined, Refusal> {
  switch (input.change.operation) {
    case 'update':
      return setBack(input.change, input.mapping);
    case 'insert':
      return answerInserted(input);
    case 'delete':
      return putBack(input.change, input.mapping);
  }
}

/** Value columns go back, if the row still is as the cancellation left it; touch and version columns count on. */
export function setBack(
  change: RowChange,
  mapping: TableMapping,
): Result<PlannedChange | undefined, Refusal> {
  const { table, key, before, after } = change;
  if (before === null || after === null)
    return evidenceMissing(`the journal has no before-image of row ${key.join('/')} of ${table}`);
  const changed = changedColumns(change);
  const stray = changed.find(
    (column) => mapping.columns[column] === undefined || mapping.columns[column] === 'key',
  );
  if (stray !== undefined)
    return evidenceMissing(
      `the profile does not say how to take back a change of ${table}.${stray}`,
    );
  const back = changed.filter((column) => isValue(mapping.columns[column]));
  if (back.length === 0) return ok(undefined);
  return ok({
    do: 'set',
    table,
    key,
    expected: { ...comparable(after, mapping), ...pick(after, back) },
    to: pick(before, back),
  });
}

function answerInserted({
  change,
  mapping,
  context,
}: RowInput): Result<PlannedChange | undefined, Refusal> {
  const { table, key, after } = change;
  const row = after ?? {};
  const rule = mapping.inserted.find(({ where }) => fitsFilter(row, where));
  switch (rule?.do) {
    case undefined:
    case 'person':
      return evidenceMissing(
        `the cancellation added row ${key.join('/')} to ${table}, and the profile leaves such rows to a person`,
      );
    case 'keep':
      return ok(undefined);
    case 'delete':
      return ok({ do: 'delete', table, key, expected: comparable(row, mapping) });
    case 'compensate':
      return compensate({ change, mapping, context }, rule.with);
  }
}

function compensate(
  { change, context }: RowInput,
  template: Parameters<typeof resolveTemplate>[0],
): Result<PlannedChange, Refusal> {
  const { table, key, after } = change;
  const row = resolveTemplate(template, { ...context, row: after });
  return row.ok ? ok({ do: 'insert', table, row: row.value, compensates: key }) : row;
}

/** A deleted row comes back whole, with its key; only touch columns become now. */
export function putBack(
  change: RowChange,
  mapping: TableMapping,
): Result<PlannedChange | undefined, Refusal> {
  const { table, key, before } = change;
  if (mapping.deleted === 'person')
    return evidenceMissing(
      `the cancellation deleted row ${key.join('/')} of ${table}, and the profile leaves such rows to a person`,
    );
  return wholeRow({ table, key, image: before }, mapping);
}

export function wholeRow(
  row: { table: string; key: readonly string[]; image: RowImage | null },
  mapping: TableMapping,
): Result<PlannedChange, Refusal> {
  if (row.image === null)
    return evidenceMissing(`the journal has no image of row ${row.key.join('/')} of ${row.table}`);
  const values: Record<string, InsertedValue> = { ...row.image };
  for (const column of Object.keys(values))
    if (mapping.columns[column] === 'touch') values[column] = { at: 'restore' };
  return ok({ do: 'insert', table: row.table, row: values, compensates: null });
}

/** What one source transaction did to counters, checked once for all orders in it. */
export interface SpanTransaction {
  /** why no order of it can be restored without a person; null where all of it is explained */
  readonly refusal: Refusal | null;
  /** the changes of the counters' tables */
  readonly counterRows: readonly RowChange[];
  readonly byOrder: ReadonlyMap<string, readonly RowChange[]>;
}

/**
 * Compares what a transaction did to the shared counters with what the rows of all its orders explain.
 * Where the two differ, or something was missed, each of its orders is left to a person.
 */
export function checkTransaction(
  profile: Profile,
  entries: readonly JournalEntry[],
): SpanTransaction {
  const tables = new Set(countersOf(profile).map(({ table }) => table));
  const rows = entries.flatMap((entry) => entry.rowChanges);
  const counterRows = rows.filter(({ table }) => tables.has(table));
  const byOrder = new Map(
    entries
      .filter(({ orderId }) => orderId !== '')
      .map((entry) => [entry.orderId, entry.rowChanges]),
  );
  const gap = entries.find((entry) => entry.kinds.includes('gap'));
  const problem =
    gap === undefined
      ? counterProblem(profile, { rows, counterRows })
      : `changes were lost at the source: ${gap.reason ?? 'the journal has a gap'}`;
  const refusal: Refusal | null =
    problem === undefined ? null : { reason: 'evidence-missing', detail: problem };
  return { refusal, counterRows, byOrder };
}

function counterProblem(
  profile: Profile,
  { rows, counterRows }: { rows: readonly RowChange[]; counterRows: readonly RowChange[] },
): string | undefined {
  const explained = explainedMoves({ profile, orderRows: rows, counterRows });
  if (!explained.ok) return explained.refusal.detail;
  const observed = observedMoves(profile, counterRows);
  if (!observed.ok) return observed.refusal.detail;
  return firstDisagreement(explained.value, observed.value);
}

/** The order's counters go back by what its own rows explain. */
function movesBack({
  profile,
  orderId,
  transactions,
}: InverseInput): Result<PlannedChange[], Refusal> {
  const own: CounterMove[] = [];
  for (const { refusal, counterRows, byOrder } of transactions) {
    if (refusal !== null) return refuse(refusal);
    const moves = explainedMoves({
      profile,
      orderRows: byOrder.get(orderId) ?? [],
      counterRows,
    });
    if (!moves.ok) return moves;
    own.push(...moves.value);
  }
  return ok(plannedMoves(profile, own.map(opposite)));
}

export function opposite(move: CounterMove): CounterMove {
  return { ...move, amount: oppositeDecimal(move.amount) };
}

/** Moves, summed, with the guard that the profile names for their counter. */
export function plannedMoves(profile: Profile, moves: readonly CounterMove[]): PlannedChange[] {
  const counters = countersOf(profile);
  return sumMoves(moves).map((move) => {
    const counter = counters.find(
      ({ table, column }) => table === move.table && column === move.column,
    );
    const { minimum = null, maximum = null } = counter?.rule.guard ?? {};
    return { do: 'move', ...move, minimum, maximum };
  });
}

/** The profile's rows to add once per restored order, of all tables. */
export function appendedRows(
  profile: Profile,
  context: Omit<TemplateContext, 'row'>,
): Result<PlannedChange[], Refusal> {
  const inserts: PlannedChange[] = [];
  for (const [table, mapping] of Object.entries(profile.tables)) {
    for (const template of mapping.append) {
      const row = resolveTemplate(template, { ...context, row: null });
      if (!row.ok) return row;
      inserts.push({ do: 'insert', table, row: row.value, compensates: null });
    }
  }
  return ok(inserts);
}

/** Whether a restore sets the column back, personal or not. */
export function isValue(role: ColumnRole | undefined): boolean {
  return role === 'value' || (typeof role === 'object' && 'value' in role);
}

/** What a row must still hold: its value columns, without personal ones that the change left alone. */
export function comparable(image: RowImage, mapping: TableMapping): RowImage {
  return pick(
    image,
    Object.keys(image).filter((column) => mapping.columns[column] === 'value'),
  );
}

function pick(image: RowImage, columns: readonly string[]): RowImage {
  return Object.fromEntries(
    columns.map((column): [string, ColumnValue] => [column, image[column] ?? null]),
  );
}
