import { Injectable } from '@nestjs/common';
import type { Reader, Transaction } from '../platform/database/database.js';
import { AuditEntryEntity } from './audit-entry.entity.js';
import type { Caller } from './caller.js';

/** One change that somebody made, as it is kept for ever. */
export interface AuditRecord {
  /** null where Reinstate itself acted */
  readonly caller: Caller | null;
  readonly at: Date;
  /** dotted, past tense: `shop.armed`, `incident.acknowledged` */
  readonly action: string;
  readonly subjectKind: string;
  readonly subjectId: string;
  /** no secrets, no personal data */
  readonly data?: Record<string, unknown>;
}

/** The same as people read it: with the name of who made it. */
export type AuditEntry = Omit<AuditEntryEntity, 'personId' | 'tokenId'> & {
  readonly person: string | null;
};

/** Which part of the audit is asked for. */
export interface AuditPage {
  readonly beforeId: number | null;
  readonly limit: number;
  readonly subjectKind?: string | undefined;
  readonly subjectId?: string | undefined;
}

@Injectable()
export class AuditStore {
  /** Written in the transaction of the change itself. */
  async insert(transaction: Transaction, entry: AuditRecord): Promise<void> {
    const { caller, at, action, subjectKind, subjectId, data = {} } = entry;
    await transaction.repository(AuditEntryEntity).insert({
      ...{ at, action, subjectKind, subjectId, data },
      personId: caller?.personId ?? null,
      tokenId: caller?.tokenId ?? null,
    });
  }

  /** Newest first, before the given id. */
  async list(reader: Reader, page: AuditPage): Promise<AuditEntry[]> {
    return reader.query<AuditEntry>(
      `SELECT entry.id, entry.at, person.name AS person, action, subject_kind AS "subjectKind",
         subject_id AS "subjectId", data
       FROM audit_entry entry LEFT JOIN person ON person.id = entry.person_id
       WHERE ($1::bigint IS NULL OR entry.id < $1)
         AND ($3::text IS NULL OR subject_kind = $3) AND ($4::text IS NULL OR subject_id = $4)
       ORDER BY entry.id DESC LIMIT $2`,
      [page.beforeId, page.limit, page.subjectKind ?? null, page.subjectId ?? null],
    );
  }
}
