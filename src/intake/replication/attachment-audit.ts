import { Injectable } from '@nestjs/common';
import { AuditService } from '../../access/audit.service.js';
import type { Caller } from '../../access/caller.js';
import { Clock } from '../../platform/clock.js';
import { Database, type Transaction } from '../../platform/database/database.js';
import { Fault } from '../../platform/errors.js';
import { Log } from '../../platform/telemetry/log.js';

/** What somebody does to a shop's database, where no transaction of ours reaches. */
export interface AttachmentDeed {
  readonly caller: Caller;
  readonly shopId: string;
  readonly verb: 'attach' | 'detach';
  /** what was asked for; no credential */
  readonly data: Readonly<Record<string, unknown>>;
}

/** Writes down that the deed is done; to be called in the transaction in which our own state changes with it. */
export type Settle = (
  transaction: Transaction,
  data?: Readonly<Record<string, unknown>>,
) => Promise<void>;

/**
 * The audit of what is done in a shop's own database: `shop.attach-requested` before, and after it
 * `shop.attached` together with our own change of state, or `shop.attach-failed` with the reason. One that
 * was requested and has no end was cut off: the process died in between.
 */
@Injectable()
export class AttachmentAudit {
  private readonly log = new Log('Replication');

  constructor(
    private readonly database: Database,
    private readonly audit: AuditService,
    private readonly clock: Clock,
  ) {}

  /** Runs the deed between its two entries. What it throws is thrown on, also where that cannot be written down. */
  async around<T>(deed: AttachmentDeed, work: (settle: Settle) => Promise<T>): Promise<T> {
    const { verb, data } = deed;
    await this.database.transaction((transaction) =>
      this.record(transaction, deed, { action: `shop.${verb}-requested`, data }),
    );
    try {
      return await work((transaction, further = {}) =>
        this.record(transaction, deed, { action: `shop.${verb}ed`, data: further }),
      );
    } catch (error) {
      await this.failed(deed, error);
      throw error;
    }
  }

  private async failed(deed: AttachmentDeed, error: unknown): Promise<void> {
    const action = `shop.${deed.verb}-failed`;
    const data = { code: error instanceof Fault ? error.code : 'fault' };
    try {
      await this.database.transaction((transaction) =>
        this.record(transaction, deed, { action, data }),
      );
    } catch {
      this.log.error(
        { event: 'audit-not-written', shop: deed.shopId },
        `${action} could not be written into the audit: our own database does not answer`,
      );
    }
  }

  private async record(
    transaction: Transaction,
    { caller, shopId }: AttachmentDeed,
    { action, data }: { action: string; data: Readonly<Record<string, unknown>> },
  ): Promise<void> {
    await this.audit.record(transaction, {
      ...{ caller, at: this.clock.now(), action, data },
      ...{ subjectKind: 'shop', subjectId: shopId },
    });
  }
}
