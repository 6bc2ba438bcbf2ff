import { Injectable } from '@nestjs/common';
import type { Transaction } from '../../platform/database/database.js';
import type { JournalRange } from '../growth.store.js';
import type { Incident } from '../incident.js';
import { JudgingService, type IncidentPlace } from '../verdict/judging.service.js';
import { earliest, harmKey, isAlike, type Harm } from './alike.js';
import { AlikeStore } from './alike.store.js';

/** Orders looked at in one transaction: keeps it well under a second. */
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
    private readonly judging: JudgingService,
  ) {}

  /**
   * Adds cases for what is like the incident's wrongful ones: in this range of the journal, and, for a
   * harm that was not known before, in the time before. The caller has locked the incident.
   * `more` where it has to be called again. A declared incident is what its declaration says.
   */
  async add(
    transaction: Transaction,
    incident: Incident,
    { range, now }: { range: JournalRange; now: Date },
  ): Promise<{ added: number; more: boolean }> {
    if (incident.declaration !== null) return { added: 0, more: false };
    const { id: incidentId, shopId } = incident;
    const place = { incidentId, shopId, now };
    const harms = await this.store.harms(transaction, incidentId);
    const sought = await this.store.sought(transaction, incidentId);
    const unsought = harms.filter((harm) => !sought.includes(harmKey(harm)));
    const fresh = await this.inRange(transaction, place, { harms, range });
    const old = await this.before(transaction, place, unsought);
    const gathered = await this.judging.gather(shopId, [...new Set([...fresh, ...old])]);
    const alike = gathered.filter((one) => isAlike(one, harms));
    const added = await this.judging.add(transaction, place, alike);
    const more = old.length === batch && added > 0;
    const done = more ? sought : [...sought, ...unsought.map(harmKey)];
    await this.store.setSought(transaction, incidentId, done);
    return { added, more };
  }

  private async inRange(
    transaction: Transaction,
    { incidentId, shopId }: IncidentPlace,
    { harms, range }: { harms: readonly Harm[]; range: JournalRange },
  ): Promise<string[]> {
    if (harms.length === 0) return [];
    const question = { incidentId, shopId, harms, since: earliest(harms) };
    return this.store.inRange(transaction, question, range);
  }

  private async before(
    transaction: Transaction,
    { incidentId, shopId }: IncidentPlace,
    harms: readonly Harm[],
  ): Promise<string[]> {
    if (harms.length === 0) return [];
    const question = { incidentId, shopId, harms, since: earliest(harms) };
    return this.store.before(transaction, question, batch);
  }
}
