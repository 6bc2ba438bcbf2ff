import pg from 'pg';
import type { ShopObserver } from '../postgres/shop-observer.js';
import type { RowCounts, SeenTrigger, Sightings } from './observation.js';

type Relations = Awaited<ReturnType<ShopObserver['relations']>>;

/** More transactions than this tell nothing new; memory stays bounded. */
const transactionsMax = 100_000;
/** A small table is read whole, at the end, though the statistics do not (yet) say that it was written. */
const smallBlocks = 64;

/** Collects what is seen of one shop's server. */
export class SeenSoFar {
  private readonly transactions = new Map<string, Set<string>>();
  private readonly unreadable = new Set<string>();
  private latest: Relations;

  private constructor(
    private readonly observer: ShopObserver,
    private readonly first: string,
    private readonly before: Relations,
    private readonly triggers: readonly SeenTrigger[],
  ) {
    this.latest = before;
  }

  static async begin(observer: ShopObserver, mapped: readonly string[]): Promise<SeenSoFar> {
    const first = await observer.nextTransaction();
    const relations = await observer.relations();
    return new SeenSoFar(observer, first, relations, await observer.triggers(mapped));
  }

  async lookAtTransactions(): Promise<void> {
    for (const [id, tables] of await this.observer.underWay())
      for (const table of tables) this.add(id, table);
  }

  /** The newest rows of tables that were written, by the statistics, or of all that are small as well. */
  async lookAtTables(which: 'written' | 'all'): Promise<void> {
    const counts = new Map(this.before.map(({ relation, counts }) => [relation, counts]));
    this.latest = await this.observer.relations();
    for (const relation of this.latest) {
      const isWritten = sum(difference(relation.counts, counts.get(relation.relation))) > 0;
      const isSmall = relation.blocks <= smallBlocks;
      if (!isWritten && !(which === 'all' && isSmall)) continue;
      if (!relation.readable) this.unreadable.add(relation.table);
      else await this.lookAt(relation);
    }
  }

  sightings(): Sightings {
    const before = new Map(this.before.map(({ relation, counts }) => [relation, counts]));
    const written = new Map<string, RowCounts>();
    for (const { table, relation, counts } of this.latest) {
      const since = difference(counts, before.get(relation));
      if (sum(since) > 0) written.set(table, total(since, written.get(table)));
    }
    const { transactions, unreadable, triggers } = this;
    return { written, transactions, unreadable, triggers };
  }

  /** A table that is gone by now, or takes too long, is told as one that could not be looked at. */
  private async lookAt(relation: Relations[number]): Promise<void> {
    try {
      for (const id of await this.observer.newestWriters(relation, this.first))
        this.add(id, relation.table);
    } catch (error) {
      if (!(error instanceof pg.DatabaseError)) throw error;
      this.unreadable.add(relation.table);
    }
  }

  private add(id: string, table: string): void {
    const tables = this.transactions.get(id) ?? new Set<string>();
    tables.add(table);
    if (this.transactions.size < transactionsMax) this.transactions.set(id, tables);
  }
}

/** A table that is new, or whose statistics were set to zero, has been written as much as they say. */
function difference(now: RowCounts, before: RowCounts | undefined): RowCounts {
  const of = (kind: keyof RowCounts) =>
    before === undefined || now[kind] < before[kind] ? now[kind] : now[kind] - before[kind];
  return { inserted: of('inserted'), updated: of('updated'), deleted: of('deleted') };
}

function total(left: RowCounts, right: RowCounts | undefined): RowCounts {
  return {
    inserted: left.inserted + (right?.inserted ?? 0),
    updated: left.updated + (right?.updated ?? 0),
    deleted: left.deleted + (right?.deleted ?? 0),
  };
}

function sum({ inserted, updated, deleted }: RowCounts): number {
  return inserted + updated + deleted;
}
