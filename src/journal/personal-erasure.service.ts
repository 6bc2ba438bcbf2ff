import { Injectable } from '@nestjs/common';
import { AuditService } from '../access/audit.service.js';
import type { Caller } from '../access/caller.js';
import { Clock } from '../platform/clock.js';
import { Database } from '../platform/database/database.js';
import { Fault } from '../platform/errors.js';
import { Log } from '../platform/telemetry/log.js';
import { PersonalData } from './personal-data.js';
import { PersonalKeyStore } from './personal-key.store.js';
import { UnreadData } from './unread-data.js';

/** Whose personal values: a customer's, or those of an order that a guest placed. */
export interface DataSubject {
  readonly shopId: string;
  readonly kind: 'customer' | 'order';
  readonly id: string;
}

export interface Erasure {
  readonly shopId: string;
  readonly kind: DataSubject['kind'];
  readonly id: string;
  readonly erasedAt: Date;
  /** it was done by an earlier request */
  readonly alreadyErased: boolean;
}

/** Forgets persons on request: the key under which their values are kept is taken away, and that is audited. */
@Injectable()
export class PersonalErasureService {
  private readonly log = new Log('Journal');

  constructor(
    private readonly database: Database,
    private readonly personal: PersonalData,
    private readonly store: PersonalKeyStore,
    private readonly unread: UnreadData,
    private readonly audit: AuditService,
    private readonly clock: Clock,
  ) {}

  /**
   * Makes all personal values of the subject unreadable for ever. Asked again, it answers as before. Ids,
   * amounts and what happened when stay: they are the record of the shop's business. A subject of whom
   * nothing is known is remembered as erased while there is data that was not read yet.
   * @throws Fault `shop-unknown`, `nothing-personal` where nothing was ever kept about the subject
   */
  async erase(caller: Caller, subject: DataSubject, reason: string): Promise<Erasure> {
    const { shopId, kind, id } = subject;
    return this.database.transaction(async (transaction) => {
      if (!(await this.store.isShop(transaction, shopId)))
        throw new Fault('missing', 'shop-unknown', `there is no shop "${shopId}"`);
      const unseenToo = await this.unread.isHeld(transaction, shopId);
      const keyOf = `${kind}:${id}`;
      const erased = await this.personal.erase(transaction, shopId, keyOf, { unseenToo });
      if (erased === undefined) throw nothingPersonal(subject);
      if (erased.first) {
        await this.audit.record(transaction, {
          ...{ caller, at: this.clock.now(), action: 'personal-data.erased' },
          ...{ subjectKind: kind, subjectId: `${shopId}/${id}`, data: { reason } },
        });
        transaction.afterCommit(() =>
          this.log.info({ event: 'personal-data-erased', shop: shopId }, 'a person was forgotten'),
        );
      }
      return { ...subject, erasedAt: erased.erasedAt, alreadyErased: !erased.first };
    });
  }
}

function nothingPersonal({ shopId, kind, id }: DataSubject): Fault {
  const other =
    kind === 'customer'
      ? 'orders of guests have no customer: erase those by their order'
      : 'the data of an order with a customer is erased by its customer';
  return new Fault(
    'missing',
    'nothing-personal',
    `nothing personal was ever kept of ${kind} "${id}" of shop "${shopId}"; ${other}`,
  );
}
