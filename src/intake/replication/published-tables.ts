import { Logger } from '@nestjs/common';
import { MappingMismatch } from './interpret/draft-image.js';
import { readPublication, type PublicationFacts } from './source/publication.js';
import type { StreamStanding } from './stream-standing.js';
import { withLoss, type StreamRow, type UnseenTables } from './stream-state.js';
import type { StreamedShop, StreamParts } from './streamed-shop.js';

/** What a look at the publication has come to. */
export interface PublicationLook {
  /** the stream's row after it */
  readonly row: StreamRow;
  /** why changes are to be kept instead of journalled; null where every mapped table is published */
  readonly hindrance: string | null;
}

/**
 * Sees which mapped tables a shop's publication does not hold. The stream goes on without them; what it
 * does not see by that is written down, to be read anew once they are published (again).
 */
export class PublishedTables {
  private readonly logger = new Logger('Replication');
  private missing: readonly string[] = [];

  constructor(
    private readonly shop: StreamedShop,
    private readonly parts: StreamParts,
    private readonly standing: StreamStanding,
    private readonly mappingHash: string,
  ) {}

  /** Whether a publication is another one than at the last look, as far as our tables go. */
  differ({ publicationMembers }: StreamRow, found: PublicationFacts): boolean {
    if (this.replaced(publicationMembers, found).length > 0) return true;
    return [...found.missing].sort().join() !== [...this.missing].sort().join();
  }

  /** Throws MappingMismatch where the whole publication is gone: then the slot can send nothing any more. */
  async look(row: StreamRow, signal: AbortSignal): Promise<PublicationLook> {
    const { shopId, mapping, readUrl } = this.shop;
    const { store, database, clock } = this.parts;
    const tables = [...mapping.tables.keys()];
    const at = clock.now();
    const found = await readPublication(readUrl, row.publicationName, tables, { signal });
    this.missing = found.missing;
    const isBegun = row.state !== 'snapshot' && row.state !== 'lost';
    const seen = isBegun ? await this.compare(row, found) : row;
    if (!found.exists) throw new MappingMismatch(goneText(row));
    await store.setMembers(database, { shopId, members: found.members });
    const isWhole = found.missing.length === 0;
    if (isWhole && isBegun) await store.setPublished(database, { shopId, at });
    const hindrance = isWhole
      ? null
      : `${missingText(row, this.missing)}: changes are kept as they come; attach the shop again`;
    return { row: seen, hindrance };
  }

  /** Writes down what was not seen since the last look. */
  private async compare(row: StreamRow, found: PublicationFacts): Promise<StreamRow> {
    const replaced = this.replaced(row.publicationMembers, found);
    const isAnother = replaced.length > 0 && replaced.length === this.shop.mapping.tables.size;
    if (!found.exists || isAnother) {
      const text = found.exists
        ? `the publication ${row.publicationName} was dropped and made anew`
        : goneText(row);
      await this.standing.lose(withLoss(row.gap, text));
      throw new MappingMismatch(text);
    }
    return this.unseen(row, [...found.missing, ...replaced]);
  }

  /** Mapped tables that were taken out and came back in between. */
  private replaced(
    before: StreamRow['publicationMembers'],
    { members }: PublicationFacts,
  ): string[] {
    return [...this.shop.mapping.tables.keys()].filter((table) => {
      const [then, now] = [before[table], members[table]];
      return then !== undefined && now !== undefined && then !== now;
    });
  }

  /** A table whose rows were known has lost changes; one that is newly mapped has not. */
  private async unseen(row: StreamRow, tables: readonly string[]): Promise<StreamRow> {
    const { shopId } = this.shop;
    const { store, database, clock } = this.parts;
    const fresh = tables.filter((table) => row.unseenTables[table] === undefined);
    if (fresh.length === 0) return row;
    const added = await Promise.all(
      fresh.map(async (table) => [table, (await this.isKnown(row, table)) ? 'lost' : 'new']),
    );
    const unseenTables = { ...row.unseenTables, ...(Object.fromEntries(added) as UnseenTables) };
    const lost = fresh.filter((table) => unseenTables[table] === 'lost');
    const gap = lost.length === 0 ? row.gap : withLoss(row.gap, lossText(row, lost));
    await store.setUnseen(database, { shopId, unseenTables, gap, now: clock.now() });
    if (lost.length > 0) this.standing.lost(lossText(row, lost));
    else this.logger.error(missingText(row, fresh));
    return { ...row, unseenTables, gap };
  }

  private async isKnown(row: StreamRow, table: string): Promise<boolean> {
    if (row.mappingHash === this.mappingHash) return true;
    const { snapshots } = this.parts;
    return snapshots.knows(this.shop.shopId, table);
  }
}

function goneText({ publicationName }: StreamRow): string {
  return `the publication ${publicationName} is gone: attach the shop again`;
}

function missingText({ publicationName }: StreamRow, tables: readonly string[]): string {
  return `the publication ${publicationName} does not hold ${tables.join(', ')}`;
}

function lossText({ publicationName }: StreamRow, tables: readonly string[]): string {
  return (
    `${tables.join(', ')} was taken out of the publication ${publicationName}: ` +
    'what changed there from then on, until it was published again, is not known'
  );
}
