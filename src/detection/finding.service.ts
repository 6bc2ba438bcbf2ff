import { Injectable } from '@nestjs/common';
import { Database } from '../platform/database/database.js';
import type { Finding } from './finding.js';
import { FindingStore, type FindingQuery } from './finding.store.js';

/** What the detectors saw, for people. */
@Injectable()
export class FindingService {
  constructor(
    private readonly database: Database,
    private readonly store: FindingStore,
  ) {}

  /** Newest first. */
  async list(query: FindingQuery): Promise<Finding[]> {
    return this.store.list(this.database, query);
  }
}
