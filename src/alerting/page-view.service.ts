import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import { Database } from '../platform/database/database.js';
import { decodeCursor, pageOf, type Page } from '../platform/http/page.js';
import type { SentPage, SentPageQuery } from './page.schema.js';
import { PageStore } from './page.store.js';

const cursorSchema = z.object({ createdAt: z.coerce.date(), id: z.uuid() });

/** Which pages went out, and whether they arrived. */
@Injectable()
export class PageViewService {
  constructor(
    private readonly database: Database,
    private readonly store: PageStore,
  ) {}

  /** Newest first. */
  async list({ incident, state, limit, cursor }: SentPageQuery): Promise<Page<SentPage>> {
    const found = await this.store.list(this.database, {
      incidentId: incident ?? null,
      state: state ?? null,
      before: decodeCursor(cursor, cursorSchema),
      limit: limit + 1,
    });
    return pageOf(found, limit, ({ createdAt, id }) => ({ createdAt, id }));
  }
}
