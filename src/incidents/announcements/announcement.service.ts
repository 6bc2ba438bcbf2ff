import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import { AuditService } from '../../access/audit.service.js';
import type { Caller } from '../../access/caller.js';
import { present } from '../../platform/assert.js';
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

/** Cancellations of a shop whose answers are kept, before one more question adds its own. */
const answeredMax = 100_000;

/** What was asked of a shop's journal up to `head`, and which of it is covered. */
interface Answered {
  head: number;
  readonly announcementChanges: number;
  readonly asked: Set<number>;
  readonly covered: Set<number>;
}

/** Bulk cancels that are planned: what falls under one is intended, and stays cancelled. */
@Injectable()
export class AnnouncementService {
  /** by shop */
  private readonly answered = new Map<string, Answered>();

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
   * an incident or not: in force when they were made, fitting, and within the greatest count. Asked again
   * while nothing has come that could change it (before each order of a run), it is not counted again.
   */
  async covered(shopId: string, positions: readonly number[]): Promise<ReadonlySet<number>> {
    const { asked, covered } = await this.answeredSoFar(shopId);
    const fresh = positions.filter((position) => !asked.has(position));
    if (fresh.length > 0) {
      for (const position of await this.count(shopId, fresh)) covered.add(position);
      for (const position of fresh) asked.add(position);
    }
    return new Set(positions.filter((position) => covered.has(position)));
  }

  /** The state is read before anything is counted by it: what comes in between is counted once more. */
  private async answeredSoFar(shopId: string): Promise<Answered> {
    const known = this.answered.get(shopId);
    const state = await this.store.state(this.database, shopId, known?.head ?? null);
    const { head, announcementChanges, isJournalChanged } = present(
      state,
      'a shop is written down',
    );
    if (
      known !== undefined &&
      !isJournalChanged &&
      known.announcementChanges === announcementChanges &&
      known.asked.size <= answeredMax
    ) {
      known.head = Math.max(known.head, head);
      return known;
    }
    const anew = {
      head,
      announcementChanges,
      asked: new Set<number>(),
      covered: new Set<number>(),
    };
    this.answered.set(shopId, anew);
    return anew;
  }

  private async count(shopId: string, positions: readonly number[]): Promise<readonly number[]> {
    const cancellations = await this.store.cancellations(this.database, shopId, positions);
    if (cancellations.length === 0) return [];
    const times = cancellations.map(({ at }) => at.getTime());
    const announcements = await this.store.inForce(this.database, {
      shopId,
      from: new Date(times.reduce((least, time) => Math.min(least, time))),
      to: new Date(times.reduce((most, time) => Math.max(most, time))),
    });
    return cancellations
      .filter((one) => coveringAnnouncement(announcements, one) !== undefined)
      .map(({ position }) => position);
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
