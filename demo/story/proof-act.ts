import type { FaultReport } from '../faults/fault-report.js';
import { prove } from '../proof/prove.js';
import type { PlannedRow, ProofReport } from '../proof/proof-input.js';
import { takeSnapshot } from '../proof/snapshot.js';
import type { Case, TimelineEntry } from './api-types.js';
import type { Failure } from './failure-act.js';
import type { Restored } from './restore-act.js';
import type { Stage } from './stage.js';
import { count, teller } from './teller.js';
import { allOf } from './waiting.js';

/** Compares the shop's whole database before the failure and after the restore; true where the proof holds. */
export async function proveIt(
  stage: Stage,
  story: { failure: Failure; fault: FaultReport; restored: Restored },
): Promise<boolean> {
  teller.chapter('The proof');
  const after = await takeSnapshot(stage.shop.ready.databaseUrl);
  const cases = await allOf<Case>(stage.robin, `/incidents/${story.failure.incidentId}/cases`);
  const idsOf = (some: readonly Case[]) => some.map(({ orderId }) => orderId);
  const restored = idsOf(cases.filter(({ state }) => state === 'restored'));
  const report = prove({
    before: story.failure.before,
    after,
    writeRole: stage.shop.ready.writeRole,
    plan: plannedRows(story.restored),
    restored,
    leftToPeople: idsOf(cases.filter(({ state }) => state !== 'restored')),
    fault: story.fault,
  });
  return tell(report, { struck: story.fault.cancelled.length, restored: restored.length });
}

function plannedRows({ items }: Restored): PlannedRow[] {
  return items
    .filter(({ disposition }) => disposition === 'reopen')
    .flatMap(({ orderId, changes }) =>
      changes.map(({ table, key }) => ({ table, key: key ?? null, orderId })),
    );
}

function tell(report: ProofReport, counts: { struck: number; restored: number }): boolean {
  for (const check of report.checks) {
    const line = `${check.name} (${check.examined} examined)`;
    if (check.holds && check.examined > 0) teller.good(line);
    else {
      teller.bad(`${line}: ${check.violationCount} violation(s)`);
      teller.list(check.violations);
    }
  }
  const words = `${counts.restored} of ${counts.struck} wrongly cancelled orders are back`;
  if (areAllBack(counts)) teller.good(words);
  else teller.bad(words);
  return isProven(report, counts);
}

/** Whether the demo may end well: every check holds, none looked at nothing, and every order is back. */
export function isProven(
  report: ProofReport,
  counts: { struck: number; restored: number },
): boolean {
  return report.holds && report.checks.every(({ examined }) => examined > 0) && areAllBack(counts);
}

function areAllBack({ struck, restored }: { struck: number; restored: number }): boolean {
  return struck === restored && restored > 0;
}

/** The incident's timeline as a reviewer would read it; what befell single orders, or came often, is counted. */
export async function tellTimeline(stage: Stage, incidentId: string): Promise<void> {
  teller.chapter('The timeline, for the review');
  const entries = await allOf<TimelineEntry>(stage.robin, `/incidents/${incidentId}/timeline`);
  const isCounted = ({ caseId, type }: TimelineEntry) => caseId !== null || type === 'line-changed';
  const ofIncident = entries.filter((entry) => !isCounted(entry));
  teller.list(
    ofIncident.map(
      ({ at, type, person, data }) =>
        `${at.slice(11, 23)}  ${inWords(type)}${person === null ? '' : ` by ${person}`}${detailOf(data)}`,
    ),
  );
  const counted = Map.groupBy(entries.filter(isCounted), ({ type }) => type);
  teller.list([
    `and ${[...counted].map(([type, of]) => `${of.length} x ${inWords(type)}`).join(', ')}`,
  ]);
}

function inWords(type: string): string {
  return type.replaceAll('-', ' ');
}

/** Which plan, how many orders, why. */
function detailOf(data: TimelineEntry['data']): string {
  const { planNumber, orders, reopen, counts, reason } = data;
  const details = [
    typeof planNumber === 'number' ? `plan ${planNumber}` : undefined,
    ...[orders, reopen].filter((one) => typeof one === 'number').map((one) => count(one, 'order')),
    ...Object.entries(counts ?? {})
      .filter(([, number]) => number !== 0)
      .map(([outcome, number]) => `${String(number)} ${outcome}`),
    typeof reason === 'string' ? inWords(reason) : undefined,
  ].filter((detail) => detail !== undefined);
  return details.length === 0 ? '' : `: ${details.join(', ')}`;
}
