import { Injectable } from '@nestjs/common';
import type { Caller } from '../../access/caller.js';
import { Clock } from '../../platform/clock.js';
import { Database } from '../../platform/database/database.js';
import { ShopAttacher } from './attach/shop-attacher.js';
import { AttachmentAudit } from './attachment-audit.js';
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
    private readonly audit: AttachmentAudit,
    private readonly clock: Clock,
  ) {}

  /**
   * Attaches a shop, or brings the publication of an attached one up to date with its profile. The
   * credential is used here and forgotten.
   * @throws Fault `attach-refused` with everything that stands in the way; then nothing was changed
   */
  async attach(caller: Caller, shopId: string, request: AttachRequest): Promise<StreamStatus> {
    const { credential = null, allowUnboundedWal } = request;
    const data = { withCredential: credential !== null, allowUnboundedWal };
    await this.keeper.exclusively(shopId, (target, signal) =>
      this.audit.around({ caller, shopId, verb: 'attach', data }, async (settle) => {
        const options = { credential, allowUnboundedWal, slotLimitMs, signal, settle };
        const held = await this.attacher.attach(target, options);
        await this.keeper.leave(shopId);
        this.keeper.follow(target, held ?? undefined);
      }),
    );
    return this.status(shopId);
  }

  /**
   * Stops following a shop and takes back what attaching changed there. One that is gone for good is
   * detached with `forget`, on our side alone.
   */
  async detach(caller: Caller, shopId: string, request: DetachRequest): Promise<Detached> {
    const { credential = null, forget } = request;
    const data = { withCredential: credential !== null, forget };
    const remainingSql = await this.keeper.exclusively(shopId, (target) =>
      this.audit.around({ caller, shopId, verb: 'detach', data }, async (settle) => {
        await this.keeper.leave(shopId);
        return this.attacher
          .detach(target, { credential, forget, settle })
          .finally(() => this.keeper.followIfAttached(shopId));
      }),
    );
    return { status: await this.status(shopId), remainingSql };
  }

  /** The schema changes of attach as SQL, for a DBA. */
  async attachSql(shopId: string): Promise<string> {
    return this.attacher.script(this.keeper.targetOf(shopId));
  }

  /** Where the stream stands, and how far behind the shop it is just now. */
  async status(shopId: string): Promise<StreamStatus> {
    if (this.keeper.isToldByHttp(shopId)) return this.toldStatus(shopId);
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
      walBound: measure.walBound,
      secondsSinceMessage: isFollowed ? this.secondsSince(row.lastMessageAt) : null,
      confirmedLsn: row.confirmedLsn,
      incarnation: row.incarnation,
      slotName: row.slotName,
      publicationName: row.publicationName,
      snapshotRows: row.snapshotRows,
      attachedAt: row.attachedAt,
    };
  }

  /** There is no stream; all that can be said is when the shop last told something. */
  private async toldStatus(shopId: string): Promise<StreamStatus> {
    const heardAt = await this.store.toldAt(this.database, shopId);
    return {
      ...{ ...notAttached, shopId, slotName: null, publicationName: null },
      ...{ state: 'http', secondsSinceMessage: this.secondsSince(heardAt) },
    };
  }

  private secondsSince(moment: Date | null): number | null {
    return moment === null ? null : (this.clock.now().getTime() - moment.getTime()) / 1_000;
  }
}

const notAttached = {
  state: 'detached',
  problem: null,
  lagBytes: null,
  retainedWalBytes: null,
  walStatus: null,
  walBound: null,
  secondsSinceMessage: null,
  confirmedLsn: null,
  incarnation: null,
  snapshotRows: 0,
  attachedAt: null,
} as const;
