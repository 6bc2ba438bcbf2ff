import { Injectable } from '@nestjs/common';
import { Database, type Transaction } from '../platform/database/database.js';
import { AuditStore, type AuditEntry, type AuditPage, type AuditRecord } from './audit.store.js';

/** The append-only audit: who changed what. */
@Injectable()
export class AuditService {
  constructor(
    private readonly database: Database,
    private readonly store: AuditStore,
  ) {}

  /** Writes the record in the transaction of the change itself, so that there is never one without the other. */
  async record(transaction: Transaction, entry: AuditRecord): Promise<void> {
    await this.store.insert(transaction, entry);
  }

  /** Newest first, before the given id; all, or what was done to one kind of thing or to one thing. */
  async list(page: AuditPage): Promise<AuditEntry[]> {
    return this.store.list(this.database, page);
  }
}
