import type { SourceTransaction } from '../source/source-transaction.js';
import { draftImage, isWhole, keyOfTuple, type DraftImage } from './draft-image.js';
import type { KnownRow, KnownRows, RowRef } from './known-rows.js';
import { namedByRow, orderRef, parentRef } from './ownership.js';
import type { ShopMapping } from './shop-mapping.js';

interface RowImageOf {
  readonly table: string;
  readonly image: DraftImage;
}

/** The rows that transactions name: the changed ones themselves, and the new images that point to parents. */
export interface NamedRows {
  readonly refs: readonly RowRef[];
  readonly images: readonly RowImageOf[];
  /** tables that were truncated: all their rows are needed */
  readonly truncated: readonly string[];
}

/**
 * The mapped tables that a transaction emptied, where that is all it did to mapped tables; null for any
 * other transaction. Such a one can be worked out order by order, however big the tables were.
 */
export function onlyTruncated(
  mapping: ShopMapping,
  { changes }: SourceTransaction,
): string[] | null {
  const tables = new Set<string>();
  for (const change of changes) {
    if (change.kind === 'truncate') {
      for (const { table } of change.relations) if (mapping.tables.has(table)) tables.add(table);
    } else if (mapping.tables.has(change.relation.table)) return null;
  }
  return tables.size === 0 ? null : [...tables];
}

/** Collects what a batch of transactions names. Throws MappingMismatch as `draftTransaction` does. */
export function namedRows(
  mapping: ShopMapping,
  transactions: readonly SourceTransaction[],
): NamedRows {
  const refs: RowRef[] = [];
  const images: RowImageOf[] = [];
  const truncated = new Set<string>();
  for (const change of transactions.flatMap((transaction) => transaction.changes)) {
    if (change.kind === 'truncate') {
      for (const { table } of change.relations) if (mapping.tables.has(table)) truncated.add(table);
      continue;
    }
    const { relation } = change;
    const mapped = mapping.tables.get(relation.table);
    if (mapped === undefined) continue;
    const { table } = mapped;
    if (change.kind !== 'insert' && change.before !== null) {
      const { values } = change.before;
      const isKey = mapped.key.every(
        (column) => typeof values[relation.columns.indexOf(column)] === 'string',
      );
      if (isKey) refs.push({ table, key: keyOfTuple(mapped, relation, values) });
      if (isWhole(mapped, relation, change.before))
        images.push({ table, image: draftImage(mapped, relation, { tuple: values, base: null }) });
    }
    if (change.kind !== 'delete') {
      refs.push({ table, key: keyOfTuple(mapped, relation, change.after) });
      images.push({
        table,
        image: draftImage(mapped, relation, { tuple: change.after, base: null }),
      });
    }
  }
  // what they name may be there already, and gets its order by them
  refs.push(...images.flatMap((row) => namedByRow(mapping, row)));
  return { refs, images, truncated: [...truncated] };
}

/**
 * Reads into `known` the given rows and everything above them, level by level: parents up to the order's
 * own row. `read` gives the stored rows among those asked for.
 */
export async function readWithParents(
  mapping: ShopMapping,
  known: KnownRows,
  given: {
    refs: readonly RowRef[];
    images: readonly RowImageOf[];
    read: (refs: readonly RowRef[]) => Promise<readonly KnownRow[]>;
  },
): Promise<void> {
  let refs = known.ask([...given.refs, ...parentRefs(mapping, given.images)]);
  while (refs.length > 0) {
    const rows = await given.read(refs);
    for (const row of rows) known.set(row);
    const orders = rows.flatMap(({ orderId }) =>
      orderId === null ? [] : [orderRef(mapping, orderId)],
    );
    refs = known.ask([...parentRefs(mapping, rows), ...orders]);
  }
}

function parentRefs(mapping: ShopMapping, rows: readonly RowImageOf[]): RowRef[] {
  return rows.map((row) => parentRef(mapping, row)).filter((ref) => ref !== undefined);
}
