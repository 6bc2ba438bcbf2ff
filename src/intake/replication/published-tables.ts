import { Logger } from '@nestjs/common';
import { MappingMismatch } from './interpret/draft-image.js';
import { readPublication, type PublicationFacts } from './source/publication.js';
import type { StreamStanding } from './stream-standing.js';
import { withLoss, type StreamRow, type Unseen, type UnseenTables } from './stream-state.js';
import type { StreamedShop, StreamParts } from './streamed-shop.js';

/** What a look at the publication has come to. */
export interface PublicationLook {
  /** the stream's row after it */
  readonly row: StreamRow;
  /** why changes are to be kept instead of journalled; null where every mapped table is published */
  readonly hindrance: string | null;
  /** whether the shop's tables have every mapped column */
  readonly isFitting: boolean;
}

/** What a look has come to that is taken before a slot is made. */
export interface SlotLook extends Pick<PublicationLook, 'hindrance'> {
  /** what the slot sends no changes of */
  readonly unseen: Unseen;
}

/**
 * Sees which mapped tables a shop's publication does not hold. The stream goes on without them; what it
 * does not see by that is written down, to be read anew once they are published (again).
 */
export class PublishedTables {
  private readonly logger = new Logger('Replication');
  private missing: readonly string[] = [];
  private isFitting = true;

  constructor(
    private readonly shop: StreamedShop,
    private readonly parts: StreamParts,
    private readonly standing: StreamStanding,
    private readonly mappingHash: string,
  ) {}

  /** Whether a publication is another one than at the last look, as far as our tables go. */
  differ(row: StreamRow, found: PublicationFacts): boolean {
    if (isAnother(row, found) || this.replaced(row, found).length > 0) return true;
    if (this.rewritten(row, found).length > 0 || this.fits(found) !== this.isFitting) return true;
    return [...found.missing].sort().join() !== [...this.missing].sort().join();
  }

  /**
   * Throws MappingMismatch where the publication is gone or another one: the slot can send nothing any more,
   * since it looks for the publication as it was at each change that it sends.
   */
  async look(row: StreamRow, signal: AbortSignal): Promise<PublicationLook> {
    const { shopId } = this.shop;
    const { store, database, clock } = this.parts;
    const at = clock.now();
    const found = await this.find(row, signal);
    const seen = await this.compare(row, found);
    await this.keep(row, found);
    if (found.missing.length === 0) await store.setPublished(database, { shopId, at });
    return { row: seen, hindrance: hindranceOf(row, found), isFitting: this.isFitting };
  }

  /**
   * Before a slot is made. A table that is missing is no reason to wait, as its images are read from the
   * table itself; but what changes there after the slot is lost, even if it is back before the next look.
   * Throws MappingMismatch where the whole publication is gone.
   */
  async lookBeforeSlot(row: StreamRow, signal: AbortSignal): Promise<SlotLook> {
    const found = await this.find(row, signal);
    if (found.oid === null) throw new MappingMismatch(goneText(row));
    await this.keep(row, found);
    const { missing } = found;
    const unseenTables = Object.fromEntries(missing.map((table) => [table, 'lost'] as const));
    const gap = missing.length === 0 ? null : lossText(row, missing);
    return { unseen: { unseenTables, gap }, hindrance: hindranceOf(row, found) };
  }

  private async find(row: StreamRow, signal: AbortSignal): Promise<PublicationFacts> {
    const { mapping, readUrl } = this.shop;
    const tables = [...mapping.tables.keys()];
    const found = await readPublication(readUrl, row.publicationName, tables, { signal });
    this.missing = found.missing;
    this.isFitting = this.fits(found);
    return found;
  }

  /** For the next look to compare with. */
  private async keep(row: StreamRow, found: PublicationFacts): Promise<void> {
    const { store, database } = this.parts;
    const { oid, members } = found;
    const tables = [...this.shop.mapping.tables.keys()];
    // a column that is gone for now may come back as it was
    const columns = Object.fromEntries(
      tables.map((table) => [table, { ...row.tableColumns[table], ...found.columns[table] }]),
    );
    await store.setPublication(database, { shopId: this.shop.shopId, oid, members, columns });
  }

  private fits({ columns }: PublicationFacts): boolean {
    return [...this.shop.mapping.tables.values()].every((mapped) =>
      mapped.columns.every((column) => columns[mapped.table]?.[column] !== undefined),
    );
  }

  /** Mapped tables of which a mapped column is stored otherwise than before: PostgreSQL sends no rewritten rows. */
  private rewritten({ tableColumns }: StreamRow, { columns }: PublicationFacts): string[] {
    return [...this.shop.mapping.tables.values()]
      .filter((mapped) =>
        mapped.columns.some((column) => {
          const then = tableColumns[mapped.table]?.[column];
          const now = columns[mapped.table]?.[column];
          return then !== undefined && now !== undefined && then !== now;
        }),
      )
      .map(({ table }) => table);
  }

  /** Writes down what was not seen since the last look. */
  private async compare(row: StreamRow, found: PublicationFacts): Promise<StreamRow> {
    if (found.oid === null || isAnother(row, found)) {
      const text =
        found.oid === null
          ? goneText(row)
          : `the publication ${row.publicationName} was dropped and made anew`;
      await this.standing.lose(withLoss(row.gap, text));
      throw new MappingMismatch(text);
    }
    const unpublished = [...found.missing, ...this.replaced(row, found)];
    const seen = await this.unseen(row, unpublished, lossText);
    return this.unseen(seen, this.rewritten(row, found), rewrittenText);
  }

  /** Mapped tables that were taken out and came back in between. */
  private replaced({ publicationMembers }: StreamRow, { members }: PublicationFacts): string[] {
    return [...this.shop.mapping.tables.keys()].filter((table) => {
      const [then, now] = [publicationMembers[table], members[table]];
      return then !== undefined && now !== undefined && then !== now;
    });
  }

  /** A table whose rows were known has lost changes; one that is newly mapped has not. */
  private async unseen(
    row: StreamRow,
    tables: readonly string[],
    words: typeof lossText,
  ): Promise<StreamRow> {
    const { shopId } = this.shop;
    const { store, database, clock } = this.parts;
    const fresh = tables.filter((table) => row.unseenTables[table] === undefined);
    if (fresh.length === 0) return row;
    const added = await Promise.all(
      fresh.map(async (table) => [table, (await this.isKnown(row, table)) ? 'lost' : 'new']),
    );
    const unseenTables = { ...row.unseenTables, ...(Object.fromEntries(added) as UnseenTables) };
    const lost = fresh.filter((table) => unseenTables[table] === 'lost');
    const gap = lost.length === 0 ? row.gap : withLoss(row.gap, words(row, lost));
    await store.setUnseen(database, { shopId, unseenTables, gap, now: clock.now() });
    if (lost.length > 0) this.standing.lost(words(row, lost));
    else this.logger.error(missingText(row, fresh));
    return { ...row, unseenTables, gap };
  }

  private async isKnown(row: StreamRow, table: string): Promise<boolean> {
    if (row.mappingHash === this.mappingHash) return true;
    const { snapshots } = this.parts;
    return snapshots.knows(this.shop.shopId, table);
  }
}

/** Whether the publication was dropped since, whatever has taken its name. */
function isAnother({ publicationOid }: StreamRow, { oid }: PublicationFacts): boolean {
  return publicationOid !== null && publicationOid !== oid;
}

function hindranceOf(row: StreamRow, { missing }: PublicationFacts): string | null {
  if (missing.length === 0) return null;
  return `${missingText(row, missing)}: changes are kept as they come; attach the shop again`;
}

function goneText({ publicationName }: StreamRow): string {
  return `the publication ${publicationName} is gone: attach the shop again`;
}

function missingText({ publicationName }: StreamRow, tables: readonly string[]): string {
  return `the publication ${publicationName} does not hold ${tables.join(', ')}`;
}

function rewrittenText(_row: StreamRow, tables: readonly string[]): string {
  return (
    `a column of ${tables.join(', ')} was given another type, or made anew: ` +
    'PostgreSQL does not send the rows that it rewrites for that, so they are read anew'
  );
}

function lossText({ publicationName }: StreamRow, tables: readonly string[]): string {
  return (
    `${tables.join(', ')} was taken out of the publication ${publicationName}: ` +
    'what changed there from then on, until it was published again, is not known'
  );
}
