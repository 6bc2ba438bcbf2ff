import { createHash } from 'node:crypto';
import type { ShopMapping } from './interpret/shop-mapping.js';
import type { TableColumns } from './source/publication.js';
import type { SourceFacts } from './source/shop-server.js';
import type { LastWritten } from './source/history-check.js';
import { isLater } from './source/lsn.js';

/**
 * `detached`: not watched. `snapshot`: the first images are being read. `streaming`: all is well.
 * `interrupted`: the connection is down, nothing is lost, it is tried again. `lost`: changes were lost at
 * the source; a new snapshot follows by itself. `mismatch`: the shop's tables no longer fit the profile, or
 * one of them is not published: changes are kept as they come, and somebody has to look; or images of one that
 * was not are still to be read anew.
 */
export const streamStates = [
  'detached',
  'snapshot',
  'streaming',
  'interrupted',
  'lost',
  'mismatch',
] as const;
export type StreamState = (typeof streamStates)[number];

/**
 * Mapped tables that were not published for a time, and whose images were not read anew since: `lost` where
 * their rows were known before, and changes of them are missing; `new` where they were not.
 */
export type UnseenTables = Readonly<Record<string, 'lost' | 'new'>>;

/** What is unseen, and what was lost by it so far, in words; null where nothing was. */
export type Unseen = Pick<StreamRow, 'unseenTables' | 'gap'>;

/** Where a shop's replication stands, as it is written down. */
export interface StreamRow {
  readonly shopId: string;
  readonly state: StreamState;
  readonly slotName: string;
  readonly publicationName: string;
  /** counts the slots that this shop has had */
  readonly slotGeneration: number;
  /** null before the first slot */
  readonly incarnation: string | null;
  /** end of the last journalled commit; null before the first slot */
  readonly confirmedLsn: string | null;
  readonly snapshotLsn: string | null;
  readonly snapshotRows: number;
  readonly mappingHash: string | null;
  /** replica identities before attach changed them, by table */
  readonly identities: Readonly<Record<string, string>>;
  /** what was lost at the source and does not stand in the journal yet */
  readonly gap: string | null;
  readonly unseenTables: UnseenTables;
  /** when the publication was last seen to hold every mapped table */
  readonly publishedAt: Date | null;
  /** what told the publication from an earlier one of its name, when it was last looked at; null before that */
  readonly publicationOid: string | null;
  /** by table, what told its place in the publication from an earlier one, when it was last looked at */
  readonly publicationMembers: Readonly<Record<string, string>>;
  /** how the columns of mapped tables were stored when they were last looked at */
  readonly tableColumns: TableColumns;
  /** size of what waits to be interpreted */
  readonly spooledBytes: number;
  readonly attachedAt: Date | null;
  readonly lastMessageAt: Date | null;
  /** since when the shop was watched for the first time */
  readonly watchedSince: Date | null;
  /** all that the shop committed before this is journalled */
  readonly seenUntil: Date | null;
  /** the newest transaction that was written down; null where that is not known */
  readonly lastWritten: LastWritten | null;
  readonly problem: string | null;
}

/** What to do about a shop's stream. `gap` says what was lost, where something was. */
export type StreamPlan =
  | { readonly do: 'stream'; readonly from: string }
  /** the stream is sound, but the row images have to be read anew: for a changed profile, or for unseen tables */
  | { readonly do: 'refresh'; readonly from: string }
  | { readonly do: 'snapshot'; readonly gap: string | null };

/** Names a source's history: positions are only comparable within one incarnation. */
export function incarnationOf(
  source: Pick<SourceFacts, 'systemIdentifier' | 'timeline'>,
  slotGeneration: number,
): string {
  return `${source.systemIdentifier}/${source.timeline}/${slotGeneration}`;
}

/**
 * Decides whether a stream can go on where it was, or has to begin anew, and what was lost then. `dropped`
 * says why we have dropped the slot ourselves, where we did.
 */
export function planStream(
  row: StreamRow,
  source: SourceFacts,
  { mappingHash, dropped = null }: { mappingHash: string; dropped?: string | null },
): StreamPlan {
  const isUnseen = Object.keys(row.unseenTables).length > 0;
  // what single tables have lost is told when their images are read anew
  if (row.gap !== null && !isUnseen) return { do: 'snapshot', gap: row.gap };
  if (row.state === 'snapshot' || row.confirmedLsn === null || row.incarnation === null) {
    // what its slot did not see is given up with it: nothing after that slot was journalled
    return { do: 'snapshot', gap: isUnseen ? null : row.gap };
  }
  const loss = dropped ?? lossOf({ ...row, confirmedLsn: row.confirmedLsn }, source);
  if (loss !== null) return { do: 'snapshot', gap: withLoss(row.gap, loss) };
  const isSame = row.mappingHash === mappingHash && !isUnseen;
  return { do: isSame ? 'stream' : 'refresh', from: row.confirmedLsn };
}

/** What was lost so far, and one loss more. */
export function withLoss(gap: string | null, loss: string): string {
  return gap === null ? loss : `${gap}; ${loss}`;
}

function lossOf(row: StreamRow & { confirmedLsn: string }, source: SourceFacts): string | null {
  const { slot } = source;
  if (incarnationOf(source, row.slotGeneration) !== row.incarnation) {
    return (
      `the shop's database server is another one, or was set back: it was ${row.incarnation ?? 'unknown'}, ` +
      `it is ${incarnationOf(source, row.slotGeneration)}`
    );
  }
  // a disk that was set back has kept its timeline; only what it has flushed was ever sent to us
  if (isLater(row.confirmedLsn, source.currentLsn)) {
    return (
      `the shop's database server was set back: it stands at ${source.currentLsn}, before what was ` +
      `journalled (${row.confirmedLsn})`
    );
  }
  if (slot === null) return `the replication slot ${row.slotName} is gone: somebody dropped it`;
  if (slot.walStatus === 'lost') {
    return (
      `the replication slot ${row.slotName} was given up by the server, since it held back more ` +
      'write-ahead log than max_slot_wal_keep_size'
    );
  }
  if (isLater(slot.confirmedLsn, row.confirmedLsn)) {
    return (
      `the replication slot ${row.slotName} stands at ${slot.confirmedLsn}, after what was journalled ` +
      `(${row.confirmedLsn}): it was moved on or made anew, or our own database was set back`
    );
  }
  return null;
}

/** Changes when row images would have to hold other columns, or other rows, than before. */
export function mappingHashOf(mapping: ShopMapping): string {
  const tables = [...mapping.tables.values()]
    .map(({ table, key, columns, personal, order }) => ({
      table,
      key,
      columns: [...columns].sort(),
      personal: [...personal].sort(),
      order,
    }))
    .sort((a, b) => a.table.localeCompare(b.table));
  return createHash('sha256').update(JSON.stringify(tables)).digest('base64url');
}

/**
 * Name of a shop's slot and publication: PostgreSQL allows 63 lower-case letters, digits and underscores.
 * Slots are the whole server's, so the name also tells which installation of Reinstate it belongs to: two
 * of them must not take each other's.
 */
export function slotNameOf(shopId: string, installation: string): string {
  const name = `reinstate_${shopId.replaceAll('-', '_')}`;
  const end = `_${installation}`;
  if (name.length + end.length <= 63) return name + end;
  const hash = createHash('sha256').update(shopId).digest('hex').slice(0, 8);
  return `${name.slice(0, 63 - end.length - 9)}_${hash}${end}`;
}
