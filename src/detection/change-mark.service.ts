import { Injectable } from '@nestjs/common';
import { AuditService } from '../access/audit.service.js';
import type { Caller } from '../access/caller.js';
import { Clock } from '../platform/clock.js';
import { Database } from '../platform/database/database.js';
import { newId } from '../platform/ids.js';
import { ShopRegistry } from '../shops/shop-registry.js';
import type { ChangeMarkEntity } from './change-mark.entity.js';
import type { NewChange } from './change-mark.js';
import { ChangeMarkStore, type ChangeQuery } from './change-mark.store.js';

/** Change marks: what was changed around the shops, told by deploy scripts and by people. */
@Injectable()
export class ChangeMarkService {
  constructor(
    private readonly database: Database,
    private readonly store: ChangeMarkStore,
    private readonly audit: AuditService,
    private readonly registry: ShopRegistry,
    private readonly clock: Clock,
  ) {}

  /** Writes a change down. @throws Fault `missing` for a shop that is not configured */
  async record(change: NewChange, caller: Caller): Promise<ChangeMarkEntity> {
    const now = this.clock.now();
    const mark: ChangeMarkEntity = {
      id: newId(),
      shopId: change.shop === undefined ? null : this.registry.get(change.shop).id,
      what: change.what,
      kind: change.kind,
      where: change.where ?? null,
      who: change.who ?? caller.name,
      link: change.link ?? null,
      at: change.at === undefined ? now : new Date(change.at),
      recordedAt: now,
    };
    await this.database.transaction(async (transaction) => {
      await this.store.insert(transaction, mark);
      await this.audit.record(transaction, {
        caller,
        at: now,
        action: 'change.recorded',
        subjectKind: 'change',
        subjectId: mark.id,
        data: { what: mark.what, kind: mark.kind, shop: mark.shopId },
      });
    });
    return mark;
  }

  /** Newest first. */
  async list(query: ChangeQuery): Promise<ChangeMarkEntity[]> {
    return this.store.list(this.database, query);
  }
}
