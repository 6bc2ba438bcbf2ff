import { Injectable } from '@nestjs/common';
import type { Transaction } from '../../platform/database/database.js';
import { GrowthStore, type JournalRange } from '../growth.store.js';
import type { Incident } from '../incident.js';
import {
  JudgingService,
  type GatheredCancellation,
  type IncidentPlace,
} from '../verdict/judging.service.js';
import { earliest, harmKey, isAlike, mayStillBeNamed, mayStillGoOn, type Harm } from './alike.js';
import { AlikeStore, type AlikeSearch } from './alike.store.js';

/** Orders looked at together: keeps a transaction well under a second, and bounds memory. */
const batch = 500;

/**
 * Completes an incident. A detector says that something goes wrong, and in which slice of the shop; an
 * order that the same failure hit outside of that slice, or before the window that told most, is
 * affected as well. So whatever is like the wrongful cases becomes a case, with a verdict of its own.
 */
@Injectable()
export class AlikeService {
  constructor(
    private readonly store: AlikeStore,
    private readonly growth: GrowthStore,
    private readonly judging: JudgingService,
  ) {}

  /**
   * Adds cases for what is like the incident's wrongful ones: in this range of the journal, and, for a
   * harm that was not known before, a batch of the time before. The caller has locked the incident.
   * `more` where it has to be called again. A declared incident is what its declaration says.
   */
  async add(
    transaction: Transaction,
    incident: Incident,
    { range, now }: { range: JournalRange; now: Date },
  ): Promise<{ added: number; more: boolean }> {
    const { id: incidentId, shopId } = incident;
    const place = { incidentId, shopId, now };
    const harms =
      incident.declaration === null ? await this.store.harms(transaction, incidentId) : [];
    const search = await this.store.readSearch(transaction, incidentId);
    const told = await this.toldOf(transaction, place, { harms, range, search });
    const older = await this.olderOf(transaction, place, { harms, search });
    const gathered = await this.gather(transaction, shopId, [
      ...new Set([...told, ...older.orderIds]),
    ]);
    const waiting = gathered.filter(
      (one) => mayStillBeNamed(one, harms, now) || mayStillGoOn(one, now),
    );
    const alike = gathered.filter((one) => !waiting.includes(one) && isAlike(one, harms));
    const added = await this.judging.add(transaction, place, alike);
    const undecided = waiting.map(({ cancellation }) => cancellation.position - 1);
    await this.store.writeSearch(transaction, incidentId, {
      downTo: older.downTo,
      position: undecided.length === 0 ? null : Math.min(...undecided),
      isDue: older.more,
    });
    return { added, more: older.more };
  }

  /** Orders of which the journal told something that was not looked at yet. */
  private async toldOf(
    transaction: Transaction,
    { incidentId, shopId }: IncidentPlace,
    given: { harms: readonly Harm[]; range: JournalRange; search: AlikeSearch },
  ): Promise<string[]> {
    const { harms, range, search } = given;
    if (harms.length === 0) return [];
    const question = { incidentId, shopId, harms, since: earliest(harms) };
    const after = Math.min(search.position ?? range.after, range.after);
    return this.store.inRange(transaction, question, { after, upTo: range.upTo });
  }

  /** The next orders, going back in the journal, of a harm of which not all were looked at. */
  private async olderOf(
    transaction: Transaction,
    { incidentId, shopId }: IncidentPlace,
    { harms, search }: { harms: readonly Harm[]; search: AlikeSearch },
  ): Promise<{ orderIds: string[]; downTo: AlikeSearch['downTo']; more: boolean }> {
    const { downTo } = search;
    const [harm, ...others] = harms.filter((one) => downTo[harmKey(one)] !== 0);
    if (harm === undefined) return { orderIds: [], downTo, more: false };
    const key = harmKey(harm);
    const since = earliest([harm]);
    const question = { incidentId, shopId, harms: [harm], since };
    const found = await this.store.between(transaction, question, {
      after: await this.growth.positionBefore(transaction, shopId, since),
      before: downTo[key] ?? Number.MAX_SAFE_INTEGER,
      limit: batch,
    });
    const isLast = found.length < batch;
    return {
      orderIds: found.map(({ orderId }) => orderId),
      downTo: { ...downTo, [key]: isLast ? 0 : (found.at(-1)?.position ?? 0) },
      more: !isLast || others.length > 0,
    };
  }

  private async gather(
    transaction: Transaction,
    shopId: string,
    orderIds: readonly string[],
  ): Promise<GatheredCancellation[]> {
    const gathered: GatheredCancellation[] = [];
    for (let start = 0; start < orderIds.length; start += batch)
      gathered.push(
        ...(await this.judging.gather(transaction, shopId, orderIds.slice(start, start + batch))),
      );
    return gathered;
  }
}
