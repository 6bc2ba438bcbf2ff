import { noCompany, type Company, type VerdictFacts } from '../../src/incidents/verdict/facts.js';
import { reasonReader } from '../../src/incidents/verdict/reason-phrases.js';
import { judge, type Judgement } from '../../src/incidents/verdict/verdict.js';

/** A paid order, cancelled by nobody knows whom; the shop keeps a history, which has the row. */
export const paid: VerdictFacts = {
  partial: false,
  actorKind: 'unknown',
  actor: null,
  reason: null,
  inHistory: true,
  heldMinor: 4_990,
  currency: 'EUR',
  refunded: false,
  paidAfter: false,
  shippedBefore: false,
  fraudFlag: false,
  announced: null,
  beyondAnnounced: null,
  changeBefore: null,
  settlesAt: '2026-03-01T12:00:05.000Z',
};
/** Many others are alike, and near in time. */
export const many: Company = { ...noCompany, alike: true, near: true };

const reasons = reasonReader();

/** The judgement of a cancellation by the phrases that every shop has. */
export function judged(facts: VerdictFacts, company = noCompany, settled = true): Judgement {
  return judge({ facts, company, reasons, settled });
}
