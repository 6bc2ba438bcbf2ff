import { rowName } from '../../../orders/fold.js';
import type { RowKey } from '../../../orders/row-change.js';
import type { DraftImage } from './draft-image.js';

export interface RowRef {
  readonly table: string;
  readonly key: RowKey;
}

/** A row as it was last known. */
export interface KnownRow extends RowRef {
  readonly orderId: string | null;
  readonly image: DraftImage;
}

/**
 * The rows that a batch of transactions needs, read once and then carried forward from transaction to
 * transaction. A row that was asked for and is not there is known to be missing.
 */
export class KnownRows {
  private readonly rows = new Map<string, KnownRow>();
  private readonly asked = new Set<string>();

  /** Of these rows, the ones that were not asked for before; they count as asked from now on. */
  ask(refs: Iterable<RowRef>): RowRef[] {
    const fresh: RowRef[] = [];
    for (const ref of refs) {
      const name = rowName(ref.table, ref.key);
      if (this.asked.has(name)) continue;
      this.asked.add(name);
      fresh.push(ref);
    }
    return fresh;
  }

  get(ref: RowRef): KnownRow | undefined {
    return this.rows.get(rowName(ref.table, ref.key));
  }

  set(row: KnownRow): void {
    this.rows.set(rowName(row.table, row.key), row);
  }

  remove(ref: RowRef): void {
    this.rows.delete(rowName(ref.table, ref.key));
  }

  ofTable(table: string): KnownRow[] {
    return [...this.rows.values()].filter((row) => row.table === table);
  }
}
