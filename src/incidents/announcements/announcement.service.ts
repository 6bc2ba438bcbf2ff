import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import { AuditService } from '../../access/audit.service.js';
import type { Caller } from '../../access/caller.js';
import { Clock } from '../../platform/clock.js';
import { Database } from '../../platform/database/database.js';
import { Fault } from '../../platform/errors.js';
import { decodeCursor, pageOf, type Page } from '../../platform/http/page.js';
import { newId } from '../../platform/ids.js';
import { ShopRegistry } from '../../shops/shop-registry.js';
import { coveringAnnouncement } from './announcement.js';
import type { AnnouncementEntity } from './announcement.entity.js';
import type { AnnouncementListQuery } from './announcement.schema.js';
import { AnnouncementStore } from './announcement.store.js';

const cursorSchema = z.object({ createdAt: z.coerce.date(), id: z.uuid() });

export type NewAnnouncement = Pick<
  AnnouncementEntity,
  'shopId' | 'filter' | 'startsAt' | 'endsAt' | 'greatestCount' | 'reason'
>;

/** Bulk cancels that are planned: what falls under one is intended, and stays cancelled. */
@Injectable()
export class AnnouncementService {
  constructor(
    private readonly database: Database,
    private readonly store: AnnouncementStore,
    private readonly shops: ShopRegistry,
    private readonly audit: AuditService,
    private readonly clock: Clock,
  ) {}

  /** Announces a bulk cancel; it covers only cancellations from now on. */
  async announce(caller: Caller, given: NewAnnouncement): Promise<AnnouncementEntity> {
    this.shops.get(given.shopId);
    const createdAt = this.clock.now();
    if (given.endsAt <= given.startsAt || given.endsAt <= createdAt)
      throw new Fault(
        'invalid',
        'announcement-period-invalid',
        'the period ends before it starts, or has passed already; announce a bulk cancel before it is made',
      );
    const announcement: AnnouncementEntity = {
      ...given,
      id: newId(),
      announcedBy: caller.personId,
      createdAt,
      withdrawnAt: null,
      withdrawnBy: null,
    };
    await this.database.transaction(async (transaction) => {
      await this.store.insert(transaction, announcement);
      await this.audit.record(transaction, {
        caller,
        at: createdAt,
        action: 'announcement.made',
        subjectKind: 'announcement',
        subjectId: announcement.id,
        data: { ...given },
      });
    });
    return announcement;
  }

  /** Ends it from now on; what it covered until now stays covered. */
  async withdraw(caller: Caller, id: string): Promise<AnnouncementEntity> {
    const at = this.clock.now();
    await this.database.transaction(async (transaction) => {
      const found = await this.store.lock(transaction, id);
      if (found === undefined) throw missingAnnouncement(id);
      if (found.withdrawnAt !== null)
        throw new Fault(
          'conflict',
          'announcement-withdrawn',
          'this announcement has been withdrawn already',
        );
      await this.store.withdraw(transaction, { id, personId: caller.personId, at });
      await this.audit.record(transaction, {
        caller,
        at,
        action: 'announcement.withdrawn',
        subjectKind: 'announcement',
        subjectId: id,
      });
    });
    return this.get(id);
  }

  /**
   * Which of the cancellations at these positions of the journal are covered, whether they are cases of
   * an incident or not: in force when they were made, fitting, and within the greatest count.
   */
  async covered(shopId: string, positions: readonly number[]): Promise<ReadonlySet<number>> {
    const cancellations = await this.store.cancellations(this.database, shopId, positions);
    if (cancellations.length === 0) return new Set();
    const times = cancellations.map(({ at }) => at.getTime());
    const announcements = await this.store.inForce(this.database, {
      shopId,
      from: new Date(times.reduce((least, time) => Math.min(least, time))),
      to: new Date(times.reduce((most, time) => Math.max(most, time))),
    });
    const meant = cancellations.filter(
      (one) => coveringAnnouncement(announcements, one) !== undefined,
    );
    return new Set(meant.map(({ position }) => position));
  }

  async get(id: string): Promise<AnnouncementEntity> {
    const found = await this.store.read(this.database, id);
    if (found === undefined) throw missingAnnouncement(id);
    return found;
  }

  /** Newest first. */
  async page({ shop, limit, cursor }: AnnouncementListQuery): Promise<Page<AnnouncementEntity>> {
    const found = await this.store.list(this.database, {
      shopId: shop ?? null,
      before: decodeCursor(cursor, cursorSchema),
      limit: limit + 1,
    });
    return pageOf(found, limit, ({ createdAt, id }) => ({ createdAt, id }));
  }
}

function missingAnnouncement(id: string): Fault {
  return new Fault('missing', 'announcement-unknown', `there is no announcement ${id}`);
}
