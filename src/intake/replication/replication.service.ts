import { Injectable } from '@nestjs/common';
import { AuditService } from '../../access/audit.service.js';
import type { Caller } from '../../access/caller.js';
import { Clock } from '../../platform/clock.js';
import { Database } from '../../platform/database/database.js';
import { ShopAttacher } from './attach/shop-attacher.js';
import type { AttachRequest, Detached, DetachRequest, StreamStatus } from './replication.schema.js';
import { ReplicationStore } from './replication.store.js';
import { StreamInspector } from './stream-inspector.js';
import { StreamKeeper } from './stream-keeper.js';

/** A slot waits for the transactions that run; somebody waits for our answer. */
const slotLimitMs = 30_000;

/** What people do about a shop's stream: attach, detach, look. */
@Injectable()
export class ReplicationService {
  constructor(
    private readonly database: Database,
    private readonly store: ReplicationStore,
    private readonly keeper: StreamKeeper,
    private readonly attacher: ShopAttacher,
    private readonly inspector: StreamInspector,
    private readonly audit: AuditService,
    private readonly clock: Clock,
  ) {}

  /**
   * Attaches a shop, or brings the publication of an attached one up to date with its profile. The
   * credential is used here and forgotten.
   * @throws Fault `attach-refused` with everything that stands in the way; then nothing was changed
   */
  async attach(caller: Caller, shopId: string, request: AttachRequest): Promise<StreamStatus> {
    await this.keeper.exclusively(shopId, async (target, signal) => {
      const held = await this.attacher.attach(target, {
        credential: request.credential ?? null,
        allowUnboundedWal: request.allowUnboundedWal,
        slotLimitMs,
        signal,
      });
      await this.keeper.leave(shopId);
      this.keeper.follow(target, held ?? undefined);
      await this.record(caller, { action: 'shop.attached', shopId });
    });
    return this.status(shopId);
  }

  /** Stops following a shop and takes back what attaching changed there. */
  async detach(caller: Caller, shopId: string, request: DetachRequest): Promise<Detached> {
    const remainingSql = await this.keeper.exclusively(shopId, async (target) => {
      await this.keeper.leave(shopId);
      const remaining = await this.attacher
        .detach(target, request.credential ?? null)
        .finally(() => this.keeper.followIfAttached(shopId));
      await this.record(caller, { action: 'shop.detached', shopId });
      return remaining;
    });
    return { status: await this.status(shopId), remainingSql };
  }

  /** The schema changes of attach as SQL, for a DBA. */
  async attachSql(shopId: string): Promise<string> {
    return this.attacher.script(this.keeper.targetOf(shopId));
  }

  /** Where the stream stands, and how far behind the shop it is just now. */
  async status(shopId: string): Promise<StreamStatus> {
    const target = this.keeper.targetOf(shopId);
    const row = await this.store.read(this.database, shopId);
    if (row === undefined) return { ...notAttached, shopId, slotName: null, publicationName: null };
    const isFollowed = row.state !== 'detached';
    const measure = isFollowed ? await this.inspector.measure(target, row) : notAttached;
    return {
      shopId,
      state: row.state,
      problem: row.problem ?? measure.problem,
      lagBytes: measure.lagBytes,
      retainedWalBytes: measure.retainedWalBytes,
      walStatus: measure.walStatus,
      secondsSinceMessage: isFollowed ? this.secondsSince(row.lastMessageAt) : null,
      confirmedLsn: row.confirmedLsn,
      incarnation: row.incarnation,
      slotName: row.slotName,
      publicationName: row.publicationName,
      snapshotRows: row.snapshotRows,
      attachedAt: row.attachedAt,
    };
  }

  private secondsSince(moment: Date | null): number | null {
    return moment === null ? null : (this.clock.now().getTime() - moment.getTime()) / 1_000;
  }

  private async record(caller: Caller, given: { action: string; shopId: string }): Promise<void> {
    await this.database.transaction((transaction) =>
      this.audit.record(transaction, {
        caller,
        at: this.clock.now(),
        action: given.action,
        subjectKind: 'shop',
        subjectId: given.shopId,
      }),
    );
  }
}

const notAttached = {
  state: 'detached',
  problem: null,
  lagBytes: null,
  retainedWalBytes: null,
  walStatus: null,
  secondsSinceMessage: null,
  confirmedLsn: null,
  incarnation: null,
  snapshotRows: 0,
  attachedAt: null,
} as const;
