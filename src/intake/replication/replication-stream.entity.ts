import { Check, Column, Entity, ForeignKey, PrimaryColumn } from 'typeorm';
import { oneOf, pgLsn } from '../../platform/database/entity.js';
import type { LastWritten } from './source/history-check.js';
import type { TableColumns } from './source/publication.js';
import {
  streamStates,
  type StreamRow,
  type StreamState,
  type UnseenTables,
} from './stream-state.js';

/** How far a shop's logical replication has been journalled. */
@Entity('replication_stream')
@Check('replication_stream_state_check', oneOf('state', streamStates))
export class ReplicationStreamEntity implements StreamRow {
  @ForeignKey('shop') @PrimaryColumn('text') readonly shopId!: string;
  @Column('text') readonly state!: StreamState;
  @Column('text') readonly slotName!: string;
  @Column('text') readonly publicationName!: string;
  /** counts the slots that this shop has had */
  @Column('integer', { default: 0 }) readonly slotGeneration!: number;
  @Column('text', { nullable: true }) readonly incarnation!: string | null;
  /** end of the last journalled commit: what the slot may forget */
  @Column({ type: pgLsn, nullable: true }) readonly confirmedLsn!: string | null;
  /** changes up to here are in the initial snapshot */
  @Column({ type: pgLsn, nullable: true }) readonly snapshotLsn!: string | null;
  @Column('bigint', { default: 0 }) readonly snapshotRows!: number;
  /** which columns the row images hold: a changed profile needs them read anew */
  @Column('text', { nullable: true }) readonly mappingHash!: string | null;
  /** replica identities that attach changed: table to what it was before, for detach to set back */
  @Column('jsonb', { default: {} }) readonly identities!: Readonly<Record<string, string>>;
  /** what was lost at the source and does not stand in the journal yet */
  @Column('text', { nullable: true }) readonly gap!: string | null;
  /** mapped tables that were not published for a time, and whose images were not read anew since */
  @Column('jsonb', { default: {} }) readonly unseenTables!: UnseenTables;
  /** when the publication was last seen to hold every mapped table */
  @Column('timestamptz', { nullable: true }) readonly publishedAt!: Date | null;
  /** what told the publication from an earlier one of its name, when it was last looked at */
  @Column('text', { nullable: true }) readonly publicationOid!: string | null;
  /** by table, what told its place in the publication from an earlier one */
  @Column('jsonb', { default: {} }) readonly publicationMembers!: Readonly<Record<string, string>>;
  /** by mapped table and column, how it was stored when it was last looked at */
  @Column('jsonb', { default: {} }) readonly tableColumns!: TableColumns;
  @Column('timestamptz', { nullable: true }) readonly attachedAt!: Date | null;
  @Column('timestamptz', { nullable: true }) readonly lastMessageAt!: Date | null;
  /** since when the shop was watched for the first time */
  @Column('timestamptz', { nullable: true }) readonly watchedSince!: Date | null;
  /** all that the shop committed before this is journalled */
  @Column('timestamptz', { nullable: true }) readonly seenUntil!: Date | null;
  /** the newest transaction that was written down; null where that is not known */
  @Column('jsonb', { nullable: true }) readonly lastWritten!: LastWritten | null;
  /** size of what waits to be interpreted */
  @Column('bigint', { default: 0 }) readonly spooledBytes!: number;
  @Column('text', { nullable: true }) readonly problem!: string | null;
  @Column('timestamptz') readonly updatedAt!: Date;
}
