import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import { Database } from '../platform/database/database.js';
import { Fault } from '../platform/errors.js';
import { decodeCursor, pageOf, pageQuerySchema, type Page } from '../platform/http/page.js';
import type { Alert } from './alert.js';
import { AlertStore } from './alert.store.js';

export const alertQuerySchema = pageQuerySchema.extend({
  shop: z.string().optional(),
  state: z.enum(['firing', 'resolved']).optional(),
});
export type AlertListQuery = z.output<typeof alertQuerySchema>;

export const alertSchema = z.object({
  id: z.uuid(),
  shopId: z.string(),
  /** null for an alert about a shop's stream of order changes */
  findingId: z.uuid().nullable(),
  findingVersion: z.int().nullable(),
  name: z.string(),
  fingerprint: z.string(),
  state: z.enum(['firing', 'resolved']),
  labels: z.record(z.string(), z.string()),
  annotations: z.record(z.string(), z.string()),
  startsAt: z.date(),
  endsAt: z.date().nullable(),
  version: z.int(),
});

const cursorSchema = z.object({ startsAt: z.coerce.date(), id: z.uuid() });

/** Alerts, for who wants to see them. They are made by the steps `alerting` and `stream-alerts` alone. */
@Injectable()
export class AlertService {
  constructor(
    private readonly database: Database,
    private readonly store: AlertStore,
  ) {}

  async get(id: string): Promise<Alert> {
    const found = await this.store.read(this.database, id);
    if (found === undefined) throw new Fault('missing', 'alert-unknown', `there is no alert ${id}`);
    return found;
  }

  /** Newest first. */
  async list({ shop, state, limit, cursor }: AlertListQuery): Promise<Page<Alert>> {
    const found = await this.store.list(this.database, {
      shopId: shop ?? null,
      state: state ?? null,
      before: decodeCursor(cursor, cursorSchema),
      limit: limit + 1,
    });
    return pageOf(found, limit, ({ startsAt, id }) => ({ startsAt, id }));
  }
}
